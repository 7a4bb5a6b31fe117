"""Child processes that cannot outlive the test run."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


def die_with_parent(number: int = signal.SIGKILL) -> Callable[[], None]:
    """For `preexec_fn`: the child gets signal `number` when this process ends, however it ends."""
    parent = os.getpid()

    def leash() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os._exit(1)

    return leash


class Service:
    """One process in a group of its own, its output in a file."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        user: str | None = None,
        death_signal: int = signal.SIGKILL,
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                cwd=directory,
                env=dict(environment) if environment is not None else None,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                group=user and _group_of(user),
                extra_groups=[] if user else None,
                preexec_fn=die_with_parent(death_signal),  # noqa: PLW1509  # one system call, no lock
            )

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def signal_group(self, number: int) -> None:
        """Send `number` to the process and everything it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def stop(self, number: int = signal.SIGTERM, seconds: float = 15.0) -> None:
        """Ask, wait, then insist; the whole group is gone afterwards."""
        if self.running:
            self.process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to the whole group, at once."""
        self.signal_group(signal.SIGKILL)
        self.process.wait(10)

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def _group_of(user: str) -> int:
    import pwd

    return pwd.getpwnam(user).pw_gid


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(question: Callable[[], T | None], *, within: float, every: float = 0.1, what: str) -> T:
    """Ask until the answer is truthy; AssertionError naming `what` after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what} did not happen within {within:g} s"
        time.sleep(every)
