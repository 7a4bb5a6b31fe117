"""What every task inherits from the application."""

from types import SimpleNamespace
from typing import Any

import pytest
from celery.signals import before_task_publish, task_postrun, task_prerun
from django.conf import settings
from django.db import OperationalError

from dermatech import celery
from dermatech.core.context import RequestContext, bound, current


def run_under(headers: dict[str, Any], *, task_id: str = "t1") -> str:
    """The request id that a task sees when its message bears `headers`."""
    task = SimpleNamespace(request=SimpleNamespace(**headers))
    celery._enter_context(task_id=task_id, task=task)
    try:
        return current().request_id
    finally:
        celery._leave_context(task_id=task_id)


def test_a_task_runs_under_its_submitters_request_id() -> None:
    headers: dict[str, Any] = {}
    with bound(RequestContext(request_id="phone-12345678")):
        celery._send_request_id(headers=headers)
    assert run_under(headers) == "phone-12345678"
    assert current().request_id == "", "nothing is left behind"


def test_a_task_that_nobody_submitted_runs_under_its_own_id() -> None:
    headers: dict[str, Any] = {}
    celery._send_request_id(headers=headers)
    assert headers == {}
    assert run_under({}, task_id="sweep-1") == "sweep-1"


def test_leaving_a_task_that_was_never_entered_is_no_fault() -> None:
    celery._leave_context(task_id="unknown")


def test_the_handlers_are_connected() -> None:
    for signal, handler in (
        (before_task_publish, celery._send_request_id),
        (task_prerun, celery._enter_context),
        (task_postrun, celery._leave_context),
    ):
        assert any(receiver[1]() is handler for receiver in signal.receivers)


def test_it_is_settled_for_loss_and_duplication() -> None:
    conf: Any = celery.app.conf
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.worker_prefetch_multiplier == 1
    assert conf.accept_content == ["json"]
    assert conf.result_backend is None
    assert conf.broker_connection_max_retries is None, "a worker outlives any outage"
    assert conf.broker_transport_options["visibility_timeout"] > settings.CELERY_TASK_TIME_LIMIT


def test_a_failing_sweep_is_logged_and_closes_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import connection

    from consultations.tasks import sweep

    def fail() -> int:
        raise OperationalError("away")

    closed: list[bool] = []
    monkeypatch.setattr(sweep, "sweep_once", fail)
    monkeypatch.setattr(connection, "close", lambda: closed.append(True))
    celery.sweep()
    assert closed == [True]
