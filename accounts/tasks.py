"""What a worker does for accounts beside its queue: it sends letters and clears expired rows.

Letters are polled for, not queued through the broker: a request then does the same work whether or
not there is anybody to write to, and a dead broker delays no letter.
"""

import logging
import threading
from typing import Any, Final

from celery.signals import worker_ready, worker_shutdown
from django.db import DatabaseError, connection

from accounts import mail, services
from accounts.audit import clerk  # noqa: F401  # its thread starts with the worker's
from dermatech.core import idempotency

logger = logging.getLogger(__name__)

_POLL_SECONDS: Final = 3.0
_POLLS_PER_CLEARING: Final = 1200  # about once an hour


def run_once(*, clear: bool = False) -> int:
    """Send what is due and, when asked, clear what expired; returns how many letters went out.

    Ends with the database connection closed: the pool forks from this process, and a child must
    not inherit an open one.
    """
    try:
        sent = mail.deliver_due()
        if clear:
            services.purge_expired()
            idempotency.purge()
        return sent
    except DatabaseError:
        logger.exception("letters were not looked for")
        return 0
    finally:
        connection.close()


class Postman(threading.Thread):
    """Runs `run_once` every few seconds until told to stop."""

    def __init__(self) -> None:
        super().__init__(name="postman", daemon=True)
        self.stopping = threading.Event()

    def run(self) -> None:
        polls = 0
        while not self.stopping.is_set():
            run_once(clear=polls % _POLLS_PER_CLEARING == 0)
            polls += 1
            self.stopping.wait(_POLL_SECONDS)


_postmen: list[Postman] = []


@worker_ready.connect
def _start(**_: Any) -> None:
    postman = Postman()
    _postmen.append(postman)
    postman.start()


@worker_shutdown.connect
def _stop(**_: Any) -> None:
    for postman in _postmen:
        postman.stopping.set()
        postman.join(timeout=5)
    _postmen.clear()
