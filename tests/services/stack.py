"""The whole service as real processes on a database of its own: what `make run` starts, but each
part in the hands of the test."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from dermatech.run import programs
from dermatech.run.accounts_file import Account, read_accounts
from dermatech.run.client import Client, RequestFailed
from dermatech.run.supervisor import Program
from tests.services import postgres
from tests.services.processes import Service, eventually, free_port
from tests.services.redis_server import PrivateRedis

ROOT = Path(__file__).resolve().parent.parent.parent
_OK = 200


class Stack:
    """Redis, web, worker and sealer. `database`: sqlite or postgres."""

    def __init__(self, folder: Path, *, database: str) -> None:
        self.place = programs.Place(folder, free_port())
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        self.redis = PrivateRedis(socket=folder / "redis.sock", directory=folder / "redis")
        self.environment = self._environment(folder, database)
        self._services: dict[str, Service] = {}

    def _environment(self, folder: Path, database: str) -> dict[str, str]:
        mine = {
            name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "DATABASE_URL")
        }
        mine |= {"DATA_DIR": str(folder), "PORT": str(self.place.port), "WEB_WORKERS": "1"}
        mine |= {"DJANGO_SETTINGS_MODULE": "dermatech.settings"}
        # A proxy that swallows everything: nothing on this machine may go through it.
        mine |= {"HTTP_PROXY": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
        if database == "postgres":
            mine["DATABASE_URL"] = postgres.create_database(f"stack_{os.getpid()}")
        return mine

    # --- the whole ------------------------------------------------------------------------------
    def start(self) -> None:
        """Everything up and ready."""
        self.redis.start()
        self.run("-m", "dermatech.run.prepare")
        for program in (programs.web(self.place), programs.worker(self.place), programs.sealer(self.place)):
            self._launch(program)
        eventually(self.ready, within=60, every=0.3, what="readiness")

    def stop(self) -> None:
        for name in list(self._services):
            self._services.pop(name).stop()
        self.redis.stop()

    def run(
        self, *arguments: str, check: bool = True, seconds: float = 180
    ) -> "subprocess.CompletedProcess[str]":
        """Python with `arguments` in the service's environment, to its end."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        assert done.returncode == 0 or not check, f"{arguments} failed:\n{done.stdout}\n{done.stderr}"
        return done

    # --- its parts ------------------------------------------------------------------------------
    def _launch(self, program: Program) -> None:
        environment: Mapping[str, str] = {**self.environment, **program.environment}
        self._services[program.name] = Service(
            program.command, log=self.place.log(program.name), environment=environment, directory=ROOT
        )

    def start_worker(self) -> None:
        self._launch(programs.worker(self.place))

    def kill_worker(self) -> None:
        """The worker and every process of its pool, at once."""
        self._services.pop("worker").kill()

    def pid(self, name: str) -> int:
        """The first process of a part: web, worker, sealer."""
        return self._services[name].process.pid

    @property
    def services(self) -> Mapping[str, Service]:
        """What runs now, by name."""
        return self._services

    def log(self, name: str) -> str:
        return self.place.log(name).read_text(errors="replace")

    # --- talking to it --------------------------------------------------------------------------
    def client(self) -> Client:
        return Client("127.0.0.1", self.place.port)

    def accounts(self) -> dict[str, Account]:
        return read_accounts(self.place.data_dir)

    def ready(self) -> bool:
        for service in self._services.values():
            assert service.running, f"a process ended:\n{service.tail()}"
        try:
            return self.client().ask("GET", "/health/ready").status == _OK
        except RequestFailed:
            return False
