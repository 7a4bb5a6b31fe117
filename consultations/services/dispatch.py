"""Telling the workers: a hint to the broker that may fail, and never holds the caller up.

The row is the truth. What is not sent here, the sweeper sends.
"""

import contextvars
import logging
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from celery import Celery

logger = logging.getLogger(__name__)

ANALYSE = "consultations.tasks.analyse"
# A frozen broker accepts connections and then says nothing: the caller waits this long at most.
PATIENCE_SECONDS = 0.35
# After a failure nobody waits again for a while.
COOLDOWN_SECONDS = 3.0


class Queue(StrEnum):
    """Whose work goes first. A worker that consumes several takes from the first that has something."""

    INTERACTIVE = "interactive"  # somebody waits at a counter
    BULK = "bulk"  # many at once, by staff or by the system
    SHADOW = "shadow"  # nobody waits: models that run beside the active one


class Publisher:
    """Sends tasks; one per process. Messages carry ids only."""

    def __init__(self, *, patience: float = PATIENCE_SECONDS, cooldown: float = COOLDOWN_SECONDS) -> None:
        self._patience = patience
        self._cooldown = cooldown
        self._resting_until = 0.0

    def send(self, analysis_id: uuid.UUID, *, queue: Queue = Queue.INTERACTIVE) -> bool:
        """Ask for an analysis; False when the broker did not take it within the patience."""
        return self.tell(ANALYSE, [str(analysis_id)], queue=queue)

    def tell(self, task: str, args: Sequence[str], *, queue: Queue) -> bool:
        """Give a task to the broker; False when that did not work within the patience."""
        if time.monotonic() < self._resting_until:
            return False
        sent: list[bool] = []
        # The thread keeps the request's context, from which the logs take its id. The app is looked
        # up here, because a new thread has none of its own.
        thread = threading.Thread(
            target=contextvars.copy_context().run,
            args=(_publish, application(), _Message(task, args, queue), sent),
            daemon=True,
            name="publish",
        )
        thread.start()
        thread.join(self._patience)
        if sent:
            self._resting_until = 0.0
            return True
        logger.warning("the broker did not take %s; the sweeper sends what must be done", task)
        self._resting_until = time.monotonic() + self._cooldown
        return False

    def wake(self) -> None:
        """Forget past failures."""
        self._resting_until = 0.0


@dataclass(frozen=True, slots=True)
class _Message:
    task: str
    args: Sequence[str]
    queue: Queue


def application() -> "Celery":
    """Ours. It lies above this package, and a process that sends nothing does without it."""
    app: Celery = import_string(settings.TASK_APPLICATION)
    return app


def _publish(app: "Celery", message: _Message, sent: list[bool]) -> None:
    from kombu.exceptions import KombuError
    from redis.exceptions import RedisError

    try:
        app.send_task(
            message.task, args=list(message.args), queue=message.queue.value, retry=False, ignore_result=True
        )
    except (KombuError, RedisError, OSError) as error:
        logger.warning("broker: %s", type(error).__name__)
        return
    sent.append(True)


publisher = Publisher()
