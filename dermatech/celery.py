"""The Celery application.

The database row is the truth and the broker a hint: messages carry ids only, publishing gives up
within a second, and every worker sweeps for what was never sent or never finished. A worker also
leaves a heartbeat in Redis for readiness, and runs each task under its submitter's request id.
"""

import os
import resource
import signal
import time
from contextlib import ExitStack
from threading import Event, Thread
from typing import Any

import structlog
from celery import Celery, bootsteps
from celery.signals import before_task_publish, task_postrun, task_prerun, worker_process_init
from django_structlog.celery.receivers import CeleryReceiver
from django_structlog.celery.steps import DjangoStructLogInitStep

from dermatech.core.context import RequestContext, bound, current
from dermatech.health import heartbeat, watchdog

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dermatech.settings")
# A worker would run Django's checks, throw their findings away, and hold every page and view ever after.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

SWEEP_SECONDS = 5
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
        "worker_consumer": "dermatech.consumer:EagerConsumer",
    }


app.add_defaults(_defaults)
app.autodiscover_tasks()


_ticked = [time.monotonic()]


class Heartbeat(bootsteps.StartStopStep):
    """Beats from the consumer's own event loop, so that a consumer that hangs falls silent."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        def beat() -> None:
            _ticked.append(time.monotonic())
            del _ticked[:-1]
            heartbeat.beat(parent.hostname)

        beat()
        self._timer = parent.timer.call_repeatedly(heartbeat.EVERY_SECONDS, beat)

    def stop(self, parent: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            heartbeat.stop(parent.hostname)


class Sweeper(bootsteps.StartStopStep):
    """Every 5 s, in a thread beside the consumer: queued rows whose message was lost are sent
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
    """One sweep on a database connection of its own, which no child that is forked meanwhile inherits."""
    # Models can be imported only once the worker has set Django up.
    from django.db import Error

    from accounts.releases import activate_due
    from consultations.tasks.sweep import sweep_once
    from dermatech.core.forks import database_between_forks

    with database_between_forks():
        try:
            sweep_once()
            activate_due()
        except Error:
            log.exception("sweep_failed")


class Watchdog(bootsteps.StartStopStep):
    """A thread that ends this worker when it no longer consumes; supervisor and containers start it
    again, and what it held is done by another when the lease has run out."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._stop = Event()

    def start(self, parent: Any) -> None:
        from celery.worker import state

        # Read once: a worker that unsubscribed by mistake has still to be judged by what it should consume.
        queues = tuple(app.amqp.queues.consume_from)

        def look() -> watchdog.Look:
            return watchdog.Look(
                now=time.monotonic(),
                ticked=_ticked[-1],
                waiting=heartbeat.waiting_in(queues),
                busy=len(state.reserved_requests) + len(state.active_requests),
                taken=sum(state.total_count.values()),
            )

        Thread(
            target=watchdog.watch, args=(self._stop, look, end_worker), name="watchdog", daemon=True
        ).start()

    def stop(self, parent: Any) -> None:
        self._stop.set()


def end_worker() -> None:
    """At once, with every child: its main thread may hang and would hear no signal. A worker leads its
    process group, under our supervisor and in a container; one started by hand ends alone, and its
    children when they find their pipes closed."""
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


app.steps["worker"] |= {DjangoStructLogInitStep, Sweeper, Watchdog}
app.steps["consumer"].add(Heartbeat)


# Kept here, as signals hold their receivers weakly.
_log_context = CeleryReceiver()
_log_context.connect_signals()


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
    """Load what the first photo would otherwise wait for: numerical libraries and the image model. A
    picture that makes a library ask for the machine's whole memory is refused it."""
    from django.conf import settings
    from django.db import Error, connection

    bytes_ = settings.WORKER_MEMORY_MB * 1_000_000
    resource.setrlimit(resource.RLIMIT_DATA, (bytes_, bytes_))

    from consultations.inference import active
    from consultations.services import examination  # noqa: F401

    try:
        active.warm()
    except Error:
        log.warning("image_model_not_warmed", exc_info=True)
    finally:
        connection.close()
