"""What a worker does for auditors beside its queue: it makes exports and deletes those that expired."""

import logging
import threading
from typing import Any, Final

from celery.signals import worker_ready, worker_shutdown
from django.db import DatabaseError, connection

from accounts.audit import jobs

logger = logging.getLogger(__name__)

_POLL_SECONDS: Final = 3.0
_POLLS_PER_CLEARING: Final = 200  # about every ten minutes


def run_once(*, clear: bool = False) -> int:
    """Make what is due and, when asked, delete what expired; returns how many exports were made.

    Ends with the database connection closed: the pool forks from this process, and a child must
    not inherit an open one.
    """
    try:
        if clear:
            jobs.expire_due()
        return jobs.make_due()
    except (DatabaseError, OSError):
        logger.exception("exports of the audit log were not looked for")
        return 0
    finally:
        connection.close()


class Clerk(threading.Thread):
    """Runs `run_once` every few seconds until told to stop."""

    def __init__(self) -> None:
        super().__init__(name="audit-clerk", daemon=True)
        self.stopping = threading.Event()

    def run(self) -> None:
        polls = 0
        while not self.stopping.is_set():
            run_once(clear=polls % _POLLS_PER_CLEARING == 0)
            polls += 1
            self.stopping.wait(_POLL_SECONDS)


_clerks: list[Clerk] = []


@worker_ready.connect
def _start(**_: Any) -> None:
    clerk = Clerk()
    _clerks.append(clerk)
    clerk.start()


@worker_shutdown.connect
def _stop(**_: Any) -> None:
    for clerk in _clerks:
        clerk.stopping.set()
        clerk.join(timeout=5)
    _clerks.clear()
