"""One decoding child, seen from its parent: started clean, spoken to against a clock, killed without
regret."""

import contextlib
import fcntl
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from .sandbox import wire

_PROGRAM = Path(__file__).resolve().parent / "sandbox"
# A 50-megapixel picture with alpha, its flattened and its reduced copy, the code of libraries.
MEMORY = 1536 * 1024 * 1024
# All that the child sees of the world. One thread of linear algebra, few heaps: its matrices are small.
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    # Pictures in pages of 2 MB where the kernel has them for the asking: a twentieth of the time.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}
_START_SECONDS = 30.0
_PIECE = 256 * 1024
# What a pipe may hold without privileges: at the usual 64 kB both sides wake each other all the time.
_PIPE = 1024 * 1024


class ChildDied(Exception):
    """The child ended before it answered; `returncode` as subprocess gives it, negative for a signal."""

    def __init__(self, returncode: int) -> None:
        self.returncode = returncode
        super().__init__(f"the decoding child ended with {returncode}")


class ChildTooSlow(Exception):
    """No answer in time."""


def command() -> list[str]:
    """How the child is started; the child is told who its parent is."""
    return [sys.executable, "-I", "-B", str(_PROGRAM), str(os.getpid()), str(MEMORY)]


class Child:
    """A running child. Not thread-safe: one job at a time."""

    def __init__(self, argv: Sequence[str] | None = None) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own program, fixed arguments
            list(argv or command()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            bufsize=0,
            close_fds=True,
        )
        self.pid = self._process.pid
        self.jobs = 0
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                with contextlib.suppress(OSError):  # the user has too many large pipes already
                    fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)

    def wait_ready(self) -> dict[str, Any]:
        """Its first message. Raises ChildDied, ChildTooSlow, wire.Garbled."""
        head, _ = self._receive(time.monotonic() + _START_SECONDS, most=0)
        return head

    def ask(
        self, head: dict[str, Any], file: BinaryIO, size: int, *, seconds: float, most: int
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Send a job with `size` bytes of `file` and wait for the answer, whose blobs hold at most
        `most` bytes. Raises ChildDied, ChildTooSlow, wire.Garbled; the child is of no use then."""
        deadline = time.monotonic() + seconds
        self.jobs += 1
        self._write(wire.pack(head, [size]), deadline)
        left = size
        while left:
            piece = file.read(min(left, _PIECE))
            if not piece:
                raise wire.Garbled("the file became shorter")
            self._write(piece, deadline)
            left -= len(piece)
        return self._receive(deadline, most=most)

    def alive(self) -> bool:
        return self._process.poll() is None

    def resident(self) -> int:
        """Bytes of memory it holds now; 0 where the kernel does not tell."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def kill(self) -> int:
        """End it now and reap it. Returns how it ended."""
        self._process.kill()
        self.forget()
        return self._process.wait()

    def forget(self) -> None:
        """Close our ends of its pipes, without touching the process: after a fork it is not ours."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def disown(self) -> None:
        """In a forked copy of the parent: close the pipes and never wait for a process not ours."""
        self.forget()
        self._process.returncode = 0

    def _write(self, data: bytes, deadline: float) -> None:
        descriptor = self._descriptor(self._process.stdin)
        view = memoryview(data)
        while view:
            self._wait(descriptor, select.POLLOUT, deadline)
            try:
                view = view[os.write(descriptor, view) :]
            except BlockingIOError:
                continue
            except BrokenPipeError as error:
                raise ChildDied(self._process.wait()) from error

    def _receive(self, deadline: float, *, most: int) -> tuple[dict[str, Any], list[bytes]]:
        descriptor = self._descriptor(self._process.stdout)

        def read_exactly(count: int) -> bytes:
            parts = bytearray()
            while len(parts) < count:
                self._wait(descriptor, select.POLLIN, deadline)
                try:
                    piece = os.read(descriptor, min(count - len(parts), _PIECE))
                except BlockingIOError:
                    continue
                if not piece:
                    raise ChildDied(self._end_of_life())
                parts += piece
            return bytes(parts)

        return wire.read(read_exactly, most=most)

    def _end_of_life(self) -> int:
        """It closed its end: it is ending, or it is up to something and is made to end."""
        try:
            return self._process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            return self.kill()

    @staticmethod
    def _descriptor(pipe: Any) -> int:
        if pipe is None or pipe.closed:
            raise ChildDied(0)
        return int(pipe.fileno())

    @staticmethod
    def _wait(descriptor: int, event: int, deadline: float) -> None:
        left = deadline - time.monotonic()
        poller = select.poll()
        poller.register(descriptor, event)
        if left <= 0 or not poller.poll(left * 1000):
            raise ChildTooSlow
