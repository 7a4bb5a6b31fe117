"""A PostgreSQL of a campaign's own, which may be stopped without warning and keeps what was committed."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.services import postgres
from tests.services.processes import Service, eventually

# The kernel outlives an immediate stop, so nothing has to reach the disk; but what was answered as
# committed must have left the process.
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "150",
    "fsync": "off",
    "synchronous_commit": "on",
    "full_page_writes": "off",
}


class Cluster:
    """One server on a unix socket below `folder`, which must be a short path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._user = postgres._user()
        folder.mkdir(mode=0o755, parents=True)
        folder.chmod(0o755)
        self._binaries = postgres._runnable(postgres._binaries(), self._user, folder)
        self._data, self.sockets = folder / "data", folder / "run"
        for part in (self._data, self.sockets):
            part.mkdir(mode=0o700)
            if self._user:
                shutil.chown(part, user=self._user)
        self.sockets.chmod(0o755)
        command: list[Path | str] = [self._binaries / "initdb", "-D", self._data, "-U", postgres._ROLE]
        command += ["--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(
            command, user=self._user, extra_groups=[] if self._user else None, cwd="/",
            capture_output=True, check=True,
        )  # fmt: skip
        self._service: Service | None = None

    def url(self, name: str) -> str:
        return f"postgresql://{postgres._ROLE}@/{name}?host={self.sockets}"

    @property
    def environment(self) -> dict[str, str]:
        """For the client's tools."""
        return {**os.environ, "PGHOST": str(self.sockets), "PGUSER": postgres._ROLE}

    def start(self) -> None:
        options = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        self._service = Service(
            [self._binaries / "postgres", "-D", self._data, "-k", self.sockets, *options],
            log=self._folder / "log",
            user=self._user,
            directory=Path("/"),
            death_signal=signal.SIGINT,
        )
        service = self._service
        eventually(lambda: postgres._answers(self.sockets, service), within=60, what="PostgreSQL's answer")

    def create(self, name: str) -> str:
        import psycopg

        with psycopg.connect(
            host=str(self.sockets), user=postgres._ROLE, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return self.url(name)

    def stop_immediately(self) -> None:
        """What `pg_ctl stop -m immediate` does: SIGQUIT, every session is cut off, recovery at the start."""
        if self._service is not None:
            self._service.stop(signal.SIGQUIT)
            self._service = None

    def stop(self) -> None:
        if self._service is not None:
            self._service.stop(signal.SIGINT)
            self._service = None
