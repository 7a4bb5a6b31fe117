"""What a worker does beside its queue: pieces of work, each repeated in a thread of its own.

Imported by `tasks` modules only, which only workers load.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from celery.signals import worker_ready, worker_shutdown
from django.db import connection

logger = logging.getLogger(__name__)

_STOP_SECONDS: Final = 5.0


class Chore:
    """`work` every `seconds`, from the moment when the worker is ready until it stops."""

    def __init__(self, name: str, *, seconds: float, work: Callable[[], object]) -> None:
        self.name, self.seconds, self.work = name, seconds, work
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def once(self) -> None:
        """Whatever goes wrong is logged, and tried again next time: a thread that ended would be missed
        by nobody.

        Ends with the database connection closed: the pool forks from this process, and a child must not
        inherit an open one.
        """
        try:
            self.work()
        except Exception:
            logger.exception("%s did not work", self.name)
        finally:
            connection.close()

    def start(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def ask_to_stop(self) -> None:
        self._stop.set()

    def join(self) -> None:
        if self._thread is not None:
            self._thread.join(timeout=_STOP_SECONDS)
            self._thread = None

    def _run(self) -> None:
        while not self._stop.is_set():
            self.once()
            self._stop.wait(self.seconds)


CHORES: Final[list[Chore]] = []


def repeat(name: str, *, seconds: float, work: Callable[[], object]) -> None:
    """Every worker does `work` from now on."""
    CHORES.append(Chore(name, seconds=seconds, work=work))


@worker_ready.connect
def start(**_: Any) -> None:
    for chore in CHORES:
        chore.start()


@worker_shutdown.connect
def stop(**_: Any) -> None:
    """All are asked before one is waited for."""
    for chore in CHORES:
        chore.ask_to_stop()
    for chore in CHORES:
        chore.join()
