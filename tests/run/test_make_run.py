"""`python -m dermatech.run`, which is what `make run` starts."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dermatech.run.client import Client, RequestFailed
from dermatech.run.supervisor import descendants
from tests.services.processes import Service, eventually, free_port
from tests.services.stack import ROOT

pytestmark = [pytest.mark.services, pytest.mark.slow]


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    mine = {
        name: value
        for name, value in os.environ.items()
        if name not in ("REDIS_URL", "DATABASE_URL", "DJANGO_SETTINGS_MODULE")
    }
    return mine | {"DATA_DIR": str(data_dir), "PORT": str(free_port()), "NO_COLOR": "1"} | more


def processes_of(data_dir: Path) -> list[str]:
    """Command lines of the processes whose environment or title names this data directory; Redis
    writes its title over its environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            if str(data_dir).encode() in (folder / "environ").read_bytes() + command:
                found.append(command.replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """One for all: people start it again over the data they have."""
    with tempfile.TemporaryDirectory(prefix="dt-run-") as folder:
        yield Path(folder)


def test_once_shows_a_consultation_and_leaves_nothing_behind(data_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dermatech.run"],
        cwd=ROOT, env=environment(data_dir, ONCE="1"), capture_output=True, text=True, timeout=170,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tinea corporis" in done.stdout
    assert processes_of(data_dir) == []
    assert (data_dir / "demo-accounts.json").exists()
    assert [path for path in data_dir.rglob("*") if path.stat().st_mode & 0o077] == [], "for its owner alone"


def test_it_serves_brings_back_a_killed_worker_and_stops_when_asked(data_dir: Path) -> None:
    mine = environment(data_dir, WEB_WORKERS="1", WORKER_CONCURRENCY="1")
    log = data_dir / "out"
    service = Service([sys.executable, "-m", "dermatech.run"], log=log, environment=mine, directory=ROOT)
    client = Client("127.0.0.1", int(mine["PORT"]))

    def ready() -> bool:
        assert service.running, service.tail(60)
        try:
            return client.ask("GET", "/health/ready").status == 200
        except RequestFailed:
            return False

    try:
        eventually(lambda: "Serving on" in log.read_text() or not service.running, within=120, what="serving")
        assert ready()
        worker = main_process("celery", service.process.pid)
        began = time.monotonic()
        os.kill(worker, signal.SIGKILL)
        eventually(
            lambda: main_process("celery", service.process.pid) not in (0, worker),
            within=30,
            what="a new worker",
        )
        eventually(lambda: worker_beats(client), within=30, what="the worker's return")
        assert time.monotonic() - began < 30
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(40) == 0, service.tail()
        assert processes_of(data_dir) == []
    finally:
        service.kill()


def main_process(word: str, parent: int) -> int:
    """The first process started whose command line holds `word`, below `parent`; 0 without one."""
    for pid in sorted(descendants(parent)):
        try:
            if word.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                return pid
        except FileNotFoundError:
            continue
    return 0


def worker_beats(client: Client) -> bool:
    return bool(client.ask("GET", "/health/ready").json()["checks"]["worker"]["state"] == "ok")


def refused(data_dir: Path, **wrong: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dermatech.run"],
        cwd=ROOT, env=environment(data_dir, **wrong), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    return done.stderr


def test_a_port_in_use_is_one_clear_line(data_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Port {port} is in use" in refused(data_dir, PORT=str(port))


def test_a_missing_photo_is_one_clear_line(data_dir: Path) -> None:
    assert "PHOTO=nowhere.jpg is not a file" in refused(data_dir, PHOTO="nowhere.jpg")


def test_a_data_dir_that_cannot_be_written_is_one_clear_line(data_dir: Path) -> None:
    assert "cannot be written" in refused(data_dir, DATA_DIR="/proc/nowhere")


def test_a_wrong_setting_is_one_clear_line(data_dir: Path) -> None:
    assert "WORKER_CONCURRENCY='many' is not a whole number" in refused(data_dir, WORKER_CONCURRENCY="many")
