"""The Celery application.

The database row is the truth and the broker a hint: messages carry ids only, publishing gives up
within a second, and every worker sweeps for what was never sent or never finished. A worker also
leaves a heartbeat in Redis for readiness, and runs each task under its submitter's request id.
"""

import os
from contextlib import ExitStack
from threading import Event, Thread
from typing import Any

import structlog
from celery import Celery, bootsteps
from celery.signals import before_task_publish, task_postrun, task_prerun, worker_process_init
from django_structlog.celery.steps import DjangoStructLogInitStep

from dermatech.core.context import RequestContext, bound, current
from dermatech.health import heartbeat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dermatech.settings")

SWEEP_SECONDS = 15
REQUEST_ID_HEADER = "dermatech_request_id"
log = structlog.get_logger(__name__)

app = Celery("dermatech")
app.config_from_object("django.conf:settings", namespace="CELERY")


def _defaults() -> dict[str, Any]:
    return {
        # A worker outlives any outage of its broker; by default it gives up after 100 attempts.
        "broker_connection_max_retries": None,
        # What a worker has begun it finishes, broker or not: the result goes into the database.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
    }


app.add_defaults(_defaults)
app.autodiscover_tasks()


class Heartbeat(bootsteps.StartStopStep):
    """Beats from the consumer's own event loop, so that a consumer that hangs falls silent."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        def beat() -> None:
            heartbeat.beat(parent.hostname)

        beat()
        self._timer = parent.timer.call_repeatedly(heartbeat.EVERY_SECONDS, beat)

    def stop(self, parent: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            heartbeat.stop(parent.hostname)


class Sweeper(bootsteps.StartStopStep):
    """Every 15 s, in a thread beside the consumer: queued rows whose message was lost are sent
    again, running rows whose lease has expired are taken back, releases whose day has come are put
    into force. Works while Redis is away, too."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._stop = Event()
        self._thread: Thread | None = None

    def start(self, parent: Any) -> None:
        self._thread = Thread(target=self._run, name="sweeper", daemon=True)
        self._thread.start()

    def stop(self, parent: Any) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.is_set():
            sweep()
            self._stop.wait(SWEEP_SECONDS)


def sweep() -> None:
    """One sweep on a database connection of its own: it is closed again because the pool forks
    from this process, and a child must not inherit an open connection."""
    # Models can be imported only once the worker has set Django up.
    from django.db import Error, connection

    from accounts.releases import activate_due
    from consultations.tasks.sweep import sweep_once

    try:
        sweep_once()
        activate_due()
    except Error:
        log.exception("sweep_failed")
    finally:
        connection.close()


app.steps["worker"] |= {DjangoStructLogInitStep, Sweeper}
app.steps["consumer"].add(Heartbeat)


@before_task_publish.connect
def _send_request_id(headers: dict[str, Any] | None = None, **_: Any) -> None:
    request_id = current().request_id
    if headers is not None and request_id:
        headers.setdefault(REQUEST_ID_HEADER, request_id)


_contexts: dict[str, ExitStack] = {}


@task_prerun.connect
def _enter_context(task_id: str, task: Any, **_: Any) -> None:
    request_id = getattr(task.request, REQUEST_ID_HEADER, None) or task_id
    stack = ExitStack()
    stack.enter_context(bound(RequestContext(request_id=str(request_id), user_agent="worker")))
    _contexts[task_id] = stack


@task_postrun.connect
def _leave_context(task_id: str, **_: Any) -> None:
    stack = _contexts.pop(task_id, None)
    if stack is not None:
        stack.close()


def warm_publisher() -> bool:
    """Do what the first message of a process would otherwise wait for: imports, a connection, the
    queue. Whether that worked; a broker that is away is logged, never raised."""
    from kombu.exceptions import KombuError
    from redis.exceptions import RedisError

    # Looked at for what they build and import at first sight.
    _ = app.backend, app.amqp.router, app.amqp.send_task_message
    try:
        with app.producer_pool.acquire(block=True, timeout=1) as producer:
            if producer.connection is not None:
                producer.connection.ensure_connection(max_retries=1, interval_start=0)
            producer.maybe_declare(app.amqp.queues[app.conf.task_default_queue])
    except (KombuError, RedisError, OSError) as error:
        log.warning("publisher_not_warmed", error=type(error).__name__)
        return False
    return True


@worker_process_init.connect
def _get_ready(**_: Any) -> None:
    """Load what the first photo would otherwise wait for: numerical libraries and the image model."""
    from django.db import Error, connection

    from consultations.inference import active
    from consultations.services import examination  # noqa: F401

    try:
        active.warm()
    except Error:
        log.warning("image_model_not_warmed", exc_info=True)
    finally:
        connection.close()
