"""Ends a worker that has stopped consuming, so that whoever keeps it running starts a fresh one.

A process that has died is noticed by everybody. One that lives and takes no work is not: its loop hangs,
or it lost its subscription when the broker went away and came back. Both are told apart from a broker
that is away, when there is nothing to take.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

import structlog

log = structlog.get_logger(__name__)

LOOK_EVERY_SECONDS = 5.0
# The consumer's loop ticks every few seconds; a loaded machine may be late, and a start takes a while.
STILL_SECONDS = 45.0
# Messages wait, nothing is being done, and none is taken.
DEAF_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the worker. `now` and `ticked` in seconds of one clock; `waiting` messages in its
    queues, None when the broker did not answer; `busy` tasks in its hands; `taken` tasks so far."""

    now: float
    ticked: float
    waiting: int | None
    busy: int
    taken: int


class Suspicion:
    """What several looks add up to."""

    def __init__(self, *, still: float = STILL_SECONDS, deaf: float = DEAF_SECONDS) -> None:
        self._still, self._deaf = still, deaf
        self._answers_since: float | None = None
        self._deaf_since: float | None = None
        self._taken = -1

    def verdict(self, look: Look) -> str:
        """Why the worker must be ended; empty when it is well, or nothing can be said."""
        if look.waiting is None:
            self._answers_since = self._deaf_since = None
            return ""
        if self._answers_since is None:
            self._answers_since = look.now
        still = look.now - max(look.ticked, self._answers_since)
        if still >= self._still:
            return f"its loop has stood still for {still:.0f} s"
        if look.waiting == 0 or look.busy or look.taken != self._taken:
            self._taken, self._deaf_since = look.taken, None
            return ""
        if self._deaf_since is None:
            self._deaf_since = look.now
        deaf = look.now - self._deaf_since
        return (
            f"{look.waiting} messages wait and it takes none, for {deaf:.0f} s" if deaf >= self._deaf else ""
        )


def watch(
    stop: Event, look: Callable[[], Look], end: Callable[[], None], *, every: float = LOOK_EVERY_SECONDS
) -> None:
    """Look until `stop` is set or there is a reason to `end` the worker."""
    suspicion = Suspicion()
    while not stop.wait(every):
        reason = suspicion.verdict(look())
        if reason:
            log.critical("worker_does_not_consume", reason=reason)
            end()
            return
