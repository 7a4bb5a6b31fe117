"""Telling the workers: a hint to the broker that may fail, and never holds the caller up.

The row is the truth. What is not sent here, the sweeper sends.
"""

import contextvars
import logging
import threading
import time
import uuid

from celery import Celery
from celery.app import app_or_default
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

ANALYSE = "consultations.tasks.analyse"
# A frozen broker accepts connections and then says nothing: the caller waits this long at most.
PATIENCE_SECONDS = 0.6
# After a failure nobody waits again for a while.
COOLDOWN_SECONDS = 3.0
BROKER_ERRORS = (KombuError, RedisError, OSError)


class Publisher:
    """Sends task ids; one per process."""

    def __init__(self, *, patience: float = PATIENCE_SECONDS, cooldown: float = COOLDOWN_SECONDS) -> None:
        self._patience = patience
        self._cooldown = cooldown
        self._resting_until = 0.0

    def send(self, analysis_id: uuid.UUID) -> bool:
        """Give the id to the broker; False when that did not work within the patience."""
        if time.monotonic() < self._resting_until:
            return False
        sent: list[bool] = []
        # The thread keeps the request's context, from which the logs take its id. The app is looked
        # up here, because a new thread has none of its own.
        thread = threading.Thread(
            target=contextvars.copy_context().run,
            args=(_publish, app_or_default(), str(analysis_id), sent),
            daemon=True,
            name="publish",
        )
        thread.start()
        thread.join(self._patience)
        if sent:
            self._resting_until = 0.0
            return True
        logger.warning("the broker did not take analysis %s; the sweeper will send it", analysis_id)
        self._resting_until = time.monotonic() + self._cooldown
        return False

    def wake(self) -> None:
        """Forget past failures."""
        self._resting_until = 0.0


def _publish(app: Celery, analysis_id: str, sent: list[bool]) -> None:
    try:
        app.send_task(ANALYSE, args=[analysis_id], retry=False, ignore_result=True)
    except BROKER_ERRORS as error:
        logger.warning("broker: %s", type(error).__name__)
        return
    sent.append(True)


publisher = Publisher()
