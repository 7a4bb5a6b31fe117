"""Start programs, keep them running, stop them all, leave nothing behind. No Django here.

Each program leads a process group of its own and dies with this process (PR_SET_PDEATHSIG);
processes that lose their parent come to us (PR_SET_CHILD_SUBREAPER) and are ended at the stop.
"""

import ctypes
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 10.0  # with a start of a few seconds, back well within 30 s
STEADY_SECONDS = 30.0  # a program that ran this long starts again with the first backoff
KEEP_LOG_BYTES = 5_000_000
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `stop_rank`: lower stops first, equal ranks together. `log`: None = our own
    standard output. `environment` is added to ours."""

    name: str
    command: tuple[str, ...]
    log: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 10.0
    stop_rank: int = 0


@dataclass(slots=True)
class _Child:
    program: Program
    process: "subprocess.Popen[bytes]"
    started: float
    restart: bool
    backoff: float = FIRST_BACKOFF


def _leash(parent: int, death_signal: int) -> None:
    """Between fork and exec: die when `parent` does, even if that was a moment ago."""
    _libc.prctl(_PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:
        os._exit(1)


class Supervisor:
    """One per process, used from its main thread only (the leash is tied to that thread).

    `tell(text)` hears of restarts.
    """

    def __init__(self, *, directory: Path, tell: Callable[[str], None]) -> None:
        self._directory = directory
        self._tell = tell
        self._children: dict[int, _Child] = {}
        self._due: list[tuple[float, Program, float]] = []
        self._finished: dict[int, int] = {}
        self._stopping = False
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)

    # --- signals --------------------------------------------------------------------------------
    def listen(self) -> None:
        """Take over SIGINT, SIGTERM and SIGHUP (stop) and SIGCHLD (look after the children)."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def asked_to_stop(self) -> bool:
        """Whether a signal or a call of `stop` has ended the work."""
        return self._stopping

    def wait(self, seconds: float) -> None:
        """Sleep until a signal arrives, at most `seconds`; then look after the children."""
        due = [moment - time.monotonic() for moment, _, _ in self._due]
        pause = max(0.0, min([seconds, *due]))
        if select.select([self._wake_read], [], [], pause)[0]:
            with suppress(BlockingIOError):
                os.read(self._wake_read, 4096)
        self.look_after()

    # --- starting -------------------------------------------------------------------------------
    def start(self, program: Program, *, restart: bool = True, backoff: float = FIRST_BACKOFF) -> int:
        """Start `program`; its process id, which is also its process group."""
        parent = os.getpid()
        output = None
        if program.log is not None:
            _rotate(program.log)
            output = program.log.open("ab")
        try:
            process = subprocess.Popen(  # noqa: S603  # commands of ours, no shell
                program.command,
                cwd=self._directory,
                env={**os.environ, **program.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT if output else None,
                start_new_session=True,
                preexec_fn=lambda: _leash(parent, program.stop_signal),  # noqa: PLW1509  # one thread here
            )
        finally:
            if output is not None:
                output.close()
        self._children[process.pid] = _Child(program, process, time.monotonic(), restart, backoff)
        return process.pid

    def job(self, program: Program) -> int | None:
        """Run `program` to its end while the others are looked after; its exit status, or None
        when we were asked to stop meanwhile."""
        pid = self.start(program, restart=False)
        while pid in self._children and not self._stopping:
            self.wait(1.0)
        return self._finished.pop(pid, None)

    def process_id(self, name: str) -> int | None:
        """The process of the running program `name`."""
        return next((pid for pid, child in self._children.items() if child.program.name == name), None)

    # --- looking after --------------------------------------------------------------------------
    def look_after(self) -> None:
        """Bury what has ended, plan its restart, start what is due."""
        self._bury()
        if self._stopping:
            return
        now = time.monotonic()
        ready = [entry for entry in self._due if entry[0] <= now]
        self._due = [entry for entry in self._due if entry[0] > now]
        for _, program, backoff in ready:
            self.start(program, backoff=backoff)

    def _bury(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is None:
                continue  # an orphan that came to us
            code = os.waitstatus_to_exitcode(status)
            child.process.returncode = code
            _kill_group(pid)
            if not child.restart:
                self._finished[pid] = code
            elif not self._stopping:
                self._plan_restart(child, code)

    def _plan_restart(self, child: _Child, code: int) -> None:
        ran = time.monotonic() - child.started
        backoff = FIRST_BACKOFF if ran >= STEADY_SECONDS else child.backoff
        cause = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        self._tell(f"{child.program.name} {cause}; starting it again in {backoff:g} s")
        following = min(backoff * 2, LONGEST_BACKOFF)
        self._due.append((time.monotonic() + backoff, child.program, following))

    # --- stopping -------------------------------------------------------------------------------
    def stop(self) -> None:
        """Stop all, rank by rank: ask, wait, insist. Then end whatever is still below us."""
        self._stopping = True
        self._due.clear()
        for rank in sorted({child.program.stop_rank for child in self._children.values()}):
            group = {pid: c for pid, c in self._children.items() if c.program.stop_rank == rank}
            for pid, child in group.items():
                with suppress(ProcessLookupError):
                    os.kill(pid, child.program.stop_signal)
            deadline = time.monotonic() + max(child.program.stop_seconds for child in group.values())
            while time.monotonic() < deadline and any(pid in self._children for pid in group):
                self.wait(0.5)
            for pid in group:
                _kill_group(pid)
        self._end_descendants()

    def _end_descendants(self) -> None:
        deadline = time.monotonic() + 5
        while (left := descendants(os.getpid())) and time.monotonic() < deadline:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._bury()
            time.sleep(0.02)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _rotate(log: Path) -> None:
    """One older log is kept; a log never grows over restarts without end."""
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if log.exists() and log.stat().st_size > KEEP_LOG_BYTES:
        log.replace(log.with_suffix(".old.log"))


def descendants(root: int) -> list[int]:
    """Ids of all living processes below `root`, zombies left out; empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue  # it ended while we were looking
        if state != "Z":
            children.setdefault(int(parent), []).append(int(stat.parent.name))
    found: list[int] = []
    pending = [root]
    while pending:
        below = children.get(pending.pop(), [])
        found += below
        pending += below
    return found
