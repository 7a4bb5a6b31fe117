"""The few decoding children of this process: kept warm, recycled, never inherited by a fork.

Linux kills a child with the *thread* that started it (PR_SET_PDEATHSIG), and a web server's threads
come and go. So one thread, which lives as long as the process, starts them all.
"""

import atexit
import contextlib
import os
import queue
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future

from dermatech.core.errors import Unavailable

from .process import Child, ChildDied, ChildTooSlow
from .sandbox.wire import Garbled

# A file that leaks or fragments memory in a library takes it along when its child is replaced.
_JOBS = 100
_MOST_RESIDENT = 300 * 1024 * 1024
_WAIT_SECONDS = 15.0


class _Starter:
    """The thread that starts children."""

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[tuple[Callable[[], Child], Future[Child]]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self, make: Callable[[], Child]) -> Child:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="photo-children", daemon=True)
                self._thread.start()
        done: Future[Child] = Future()
        self._orders.put((make, done))
        return done.result(timeout=60)

    def _run(self) -> None:
        while True:
            make, done = self._orders.get()
            try:
                done.set_result(make())
            except BaseException as error:
                done.set_exception(error)


class Pool:
    """At most `size` children. Thread-safe; works again after a fork with children of its own."""

    def __init__(
        self, size: int = 2, *, wait_seconds: float = _WAIT_SECONDS, make: Callable[[], Child] = Child
    ) -> None:
        self._size = size
        self._wait_seconds = wait_seconds
        self._make = make
        self._fresh()
        _pools.add(self)

    def _fresh(self) -> None:
        self._free = threading.BoundedSemaphore(self._size)
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._all: set[Child] = set()
        self._starter = _Starter()

    @contextlib.contextmanager
    def child(self) -> Iterator[Child]:
        """A child for one job. Whatever is raised inside, the child does not outlive it.

        Raises Unavailable when all are busy for too long, or when none can be started."""
        if not self._free.acquire(timeout=self._wait_seconds):
            raise Unavailable("Too many photos are being read; try again shortly.", code="photos_busy")
        try:
            child = self._take()
            try:
                yield child
            except BaseException:
                self._drop(child)
                raise
            self._give_back(child)
        finally:
            self._free.release()

    def pids(self) -> list[int]:
        """Of the children alive now."""
        with self._lock:
            return sorted(child.pid for child in self._all)

    def close(self) -> None:
        """End all children."""
        with self._lock:
            children, self._all, self._idle = self._all, set(), []
        for child in children:
            child.kill()

    def after_fork(self) -> None:
        """We are a copy: the children are the original's."""
        children = self._all
        self._fresh()
        for child in children:
            child.disown()

    def _take(self) -> Child:
        while True:
            with self._lock:
                child = self._idle.pop() if self._idle else None
            if child is None:
                return self._start()
            if child.alive():
                return child
            self._drop(child)

    def _start(self) -> Child:
        try:
            child = self._starter.start(self._make)
        except OSError as error:
            raise Unavailable("Photos cannot be read now; try again shortly.", code="photos_down") from error
        with self._lock:
            self._all.add(child)
        try:
            child.wait_ready()
        except (ChildDied, ChildTooSlow, Garbled) as error:
            self._drop(child)
            raise Unavailable("Photos cannot be read now; try again shortly.", code="photos_down") from error
        return child

    def _give_back(self, child: Child) -> None:
        if child.jobs >= _JOBS or child.resident() > _MOST_RESIDENT:
            self._drop(child)
            return
        with self._lock:
            if child in self._all:
                self._idle.append(child)

    def _drop(self, child: Child) -> None:
        with self._lock:
            self._all.discard(child)
        child.kill()


_pools: "weakref.WeakSet[Pool]" = weakref.WeakSet()


def _after_fork() -> None:
    for pool in list(_pools):
        pool.after_fork()


def _close_all() -> None:
    for pool in list(_pools):
        pool.close()


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_close_all)
POOL = Pool()
