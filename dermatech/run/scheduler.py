"""What has to be done once a day, each as a command of its own: `python -m dermatech.run.scheduler`.

When each was done last is kept below DATA_DIR, so that a restart does not do it again at once; done twice
it does no harm. What waits for minutes (lost work, releases whose day has come) the workers see to.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

LOOK_EVERY_SECONDS = 60.0
DAY = 86_400.0
_LONGEST_SECONDS = 4 * 3600


@dataclass(frozen=True, slots=True)
class Job:
    """A management command and its pause in seconds."""

    name: str
    arguments: tuple[str, ...] = ()
    every: float = DAY


JOBS = (Job("tidy_photos", ("--delete",)), Job("apply_retention"), Job("clearsessions"))


def due(jobs: Sequence[Job], folder: Path, now: float) -> list[Job]:
    """Jobs whose pause is over, by the time of their stamp; one from the future counts as none."""
    found = []
    for job in jobs:
        try:
            done = (folder / job.name).stat().st_mtime
        except OSError:
            done = 0.0
        if not 0 <= now - done < job.every:
            found.append(job)
    return found


def run(job: Job, folder: Path, *, carry_out: Callable[[Job], int]) -> int:
    """Do it and stamp it, also when it failed: it says so in the log and is tried again the next day."""
    status = carry_out(job)
    print(f"{job.name} ended with status {status}", flush=True)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / job.name).touch()
    return status


def _command(job: Job) -> int:
    command = [sys.executable, "manage.py", job.name, *job.arguments]
    try:
        return subprocess.run(command, check=False, timeout=_LONGEST_SECONDS).returncode  # noqa: S603
    except subprocess.TimeoutExpired:
        return 124


def main() -> int:
    folder = Path(os.environ.get("DATA_DIR", ".data")) / "schedule"
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        for job in due(JOBS, folder, time.time()):
            if not stop.is_set():
                run(job, folder, carry_out=_command)
        stop.wait(LOOK_EVERY_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
