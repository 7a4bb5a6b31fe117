"""The supervisor keeps programs running and leaves nothing behind."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dermatech.run.supervisor import descendants
from tests.services.processes import Service, eventually
from tests.services.stack import ROOT

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [sys.executable, "-c", """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""]  # fmt: skip
# A program whose helper leaves its process group and outlives it.
RUNAWAY = [sys.executable, "-c", """
import subprocess, sys, time
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
print(subprocess.Popen(sleep, start_new_session=True).pid, flush=True)
time.sleep(600)
"""]  # fmt: skip


class Watched:
    """The supervisor under test, in its own process."""

    def __init__(self, folder: Path, programs: list[dict[str, Any]]) -> None:
        self.folder = folder
        (folder / "programs.json").write_text(json.dumps(programs))
        self.service = Service(
            [sys.executable, "-m", "tests.run.supervised", folder],
            log=folder / "supervisor.log",
            directory=ROOT,
        )
        self.supervisor_id = self.service.process.pid

    def pids(self) -> dict[str, int]:
        """Name -> process id of every program, once all of them run."""

        def all_running() -> dict[str, int]:
            assert self.service.running, self.service.tail()
            path = self.folder / "pids.json"
            found: dict[str, int] = json.loads(path.read_text()) if path.exists() else {}
            return found if found and all(found.values()) else {}

        return eventually(all_running, within=30, what="all programs running")

    def told(self) -> str:
        path = self.folder / "told.txt"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    started: list[Watched] = []

    def start(*programs: dict[str, Any]) -> Watched:
        started.append(Watched(tmp_path, list(programs)))
        return started[-1]

    yield start
    for one in started:
        one.service.stop()


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_program_that_is_killed_is_started_again(watched: Callable[..., Watched]) -> None:
    one = watched({"name": "worker", "command": SLEEP})
    first = one.pids()["worker"]
    began = time.monotonic()
    os.kill(first, signal.SIGKILL)
    eventually(lambda: one.pids()["worker"] != first, within=30, what="the restart")
    assert time.monotonic() - began < 5
    assert "worker was ended by SIGKILL; starting it again in 0.5 s" in one.told()


def test_a_program_that_keeps_falling_is_started_ever_more_slowly(watched: Callable[..., Watched]) -> None:
    one = watched(
        {"name": "web", "command": [sys.executable, "-c", "import sys; sys.exit(3)"]},
        {"name": "other", "command": SLEEP},
    )
    eventually(lambda: "in 2 s" in one.told(), within=20, what="the third restart")
    waits = [line.rsplit(" ", 2)[-2] for line in one.told().splitlines()]
    assert waits[:3] == ["0.5", "1", "2"]
    assert "web ended with status 3" in one.told()


def test_a_polite_stop_ends_every_program(watched: Callable[..., Watched]) -> None:
    one = watched({"name": "a", "command": SLEEP}, {"name": "b", "command": SLEEP, "stop_rank": 9})
    pids = list(one.pids().values())
    one.service.process.send_signal(signal.SIGTERM)
    assert one.service.process.wait(20) == 0
    assert (one.folder / "stopped").exists()
    assert not any(is_alive(pid) for pid in pids)


def test_programs_stop_in_their_order(watched: Callable[..., Watched]) -> None:
    says = "import signal, sys, time\ndef stop(*_):\n  open('order', 'a').write(sys.argv[1]); sys.exit()\n"
    says += "signal.signal(signal.SIGTERM, stop)\nprint('up', flush=True)\ntime.sleep(600)"
    one = watched(
        {"name": "redis", "command": [sys.executable, "-c", says, "R"], "stop_rank": 9},
        {"name": "web", "command": [sys.executable, "-c", says, "W"]},
    )
    one.pids()
    eventually(
        lambda: (one.folder / "redis.log").read_text() and (one.folder / "web.log").read_text(),
        within=10,
        what="both up",
    )
    one.service.process.send_signal(signal.SIGINT)
    one.service.process.wait(20)
    assert (one.folder / "order").read_text() == "WR"


def test_a_program_that_is_deaf_is_ended_after_its_time(watched: Callable[..., Watched]) -> None:
    one = watched({"name": "deaf", "command": STUBBORN, "stop_seconds": 1})
    pid = one.pids()["deaf"]
    eventually((one.folder / "deaf.log").read_text, within=10, what="the program's start")
    one.service.process.send_signal(signal.SIGTERM)
    assert one.service.process.wait(20) == 0
    assert not is_alive(pid)


def test_a_helper_that_left_its_group_is_ended_too(watched: Callable[..., Watched]) -> None:
    one = watched({"name": "runaway", "command": RUNAWAY})
    one.pids()
    helper = int(eventually((one.folder / "runaway.log").read_text, within=10, what="the helper's start"))
    assert is_alive(helper)
    one.service.process.send_signal(signal.SIGTERM)
    one.service.process.wait(20)
    assert not is_alive(helper)


def test_programs_die_with_a_supervisor_that_is_killed(watched: Callable[..., Watched]) -> None:
    one = watched({"name": "a", "command": SLEEP})
    pid = one.pids()["a"]
    os.kill(one.supervisor_id, signal.SIGKILL)
    eventually(lambda: not is_alive(pid), within=5, what="the end of the program")


def test_descendants_are_found_through_generations(tmp_path: Path) -> None:
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    service = Service([sys.executable, "-c", script], log=tmp_path / "log")
    try:
        below = eventually(lambda: descendants(service.process.pid), within=10, what="the grandchild")
        assert set(below) < set(descendants(os.getpid()))
    finally:
        service.kill()
