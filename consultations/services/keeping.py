"""Keeping a lease while working: a thread that says every few seconds that we are still at it.

So a lease can be short, which is how long an analysis rests when its machine has died, while one
analysis may take its time. A process that hangs for good is ended by the hard time limit.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, connection

from consultations.services import analyses

logger = logging.getLogger(__name__)

# Three may fail before the lease is gone.
EVERY_SECONDS = 6.0


@contextmanager
def keeping(claim: analyses.Claim, *, every: float = EVERY_SECONDS) -> Iterator[None]:
    """Renew the lease of `claim` from a thread until the block is left. Most analyses are done before
    the first time; then the thread has touched nothing."""
    done = threading.Event()
    thread = threading.Thread(target=_renew, args=(claim, done, every), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()


def _renew(claim: analyses.Claim, done: threading.Event, every: float) -> None:
    try:
        while not done.wait(every):
            try:
                analyses.renew(claim)
            except analyses.FenceLost:
                return  # finished just now, or taken over: whoever writes the result is told
            except Error as error:
                logger.warning("a lease was not renewed: %s", type(error).__name__)
                connection.close()
    finally:
        connection.close()
