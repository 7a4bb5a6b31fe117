"""The thread of every worker that tells other systems what is finished.

Not tasks of the queue: a receiver that takes its time would hold up the analyses behind it.
"""

import logging
import threading
from typing import Any, Final

from celery.signals import worker_ready, worker_shutdown
from django.db import DatabaseError, connection

from consultations.webhooks import courier

logger = logging.getLogger(__name__)

_POLL_SECONDS: Final = 1.0
_POLLS_PER_CLEARING: Final = 3600


def run_once(*, clear: bool = False) -> int:
    """Send what is due and, when asked, delete what is old; how many messages arrived.

    Ends with the database connection closed: the pool forks from this process, and a child must not
    inherit an open one.
    """
    try:
        sent = courier.deliver_due()
        if clear:
            courier.clear_old()
        return sent
    except DatabaseError:
        logger.exception("webhook messages were not looked for")
        return 0
    finally:
        connection.close()


class Courier(threading.Thread):
    """Runs `run_once` every second until told to stop."""

    def __init__(self) -> None:
        super().__init__(name="courier", daemon=True)
        self.stopping = threading.Event()

    def run(self) -> None:
        polls = 0
        while not self.stopping.is_set():
            run_once(clear=polls % _POLLS_PER_CLEARING == 0)
            polls += 1
            self.stopping.wait(_POLL_SECONDS)


_couriers: list[Courier] = []


@worker_ready.connect
def _start(**_: Any) -> None:
    courier_ = Courier()
    _couriers.append(courier_)
    courier_.start()


@worker_shutdown.connect
def _stop(**_: Any) -> None:
    for each in _couriers:
        each.stopping.set()
        each.join(timeout=5)
    _couriers.clear()
