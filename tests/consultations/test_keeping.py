"""Leases that are kept while somebody works, clocks that are set, and processes that do not come back."""

import threading
import time
import uuid
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from billiard.exceptions import WorkerLostError
from celery.worker.request import Request
from django.db import OperationalError, connection
from django.utils import timezone

from consultations.models import Analysis
from consultations.services import analyses, keeping, workload
from consultations.services.sweeping import sweep_once
from consultations.services.worker import run_analysis
from consultations.tasks import lost
from dermatech.health.watchdog import Look, Suspicion, watch

HOUR = timedelta(hours=1)


@pytest.fixture
def job(photographed: dict[str, Any]) -> uuid.UUID:
    """A queued analysis."""
    return uuid.UUID(photographed["analysis"]["id"])


def row() -> Analysis:
    return Analysis.objects.get()


# --- Keeping ------------------------------------------------------------------------------------
def renewing(monkeypatch: pytest.MonkeyPatch, *answers: Exception | None) -> list[int]:
    """Let renewals answer so, the last one for ever; the list counts them."""
    calls: list[int] = []

    def renew(_claim: Any) -> None:
        answer = answers[min(len(calls), len(answers) - 1)]
        calls.append(1)
        if answer is not None:
            raise answer

    monkeypatch.setattr(analyses, "renew", renew)
    return calls


CLAIM = analyses.Claim(uuid.uuid4(), uuid.uuid4(), 1, timezone.now())


def no_thread_is_left() -> bool:
    until = time.monotonic() + 3
    while time.monotonic() < until:
        if not any(thread.name == "lease" for thread in threading.enumerate()):
            return True
        time.sleep(0.01)
    return False


def test_a_lease_is_kept_while_somebody_works_even_when_the_database_stumbles(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = renewing(monkeypatch, OperationalError("away"), None)
    with keeping.keeping(CLAIM, every=0.01):
        time.sleep(0.1)
    assert len(calls) >= 2
    assert no_thread_is_left()


def test_who_lost_the_fence_does_not_go_on_renewing(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = renewing(monkeypatch, analyses.FenceLost("gone"))
    with keeping.keeping(CLAIM, every=0.01):
        time.sleep(0.1)
    assert len(calls) == 1
    assert no_thread_is_left()


# --- Clocks ---------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_lease_from_before_the_clock_was_set_back_holds_nobody_up(
    job: uuid.UUID, sent: list[uuid.UUID]
) -> None:
    assert analyses.claim(job) is not None
    Analysis.objects.update(lease_until=timezone.now() + HOUR, sent_at=timezone.now() + HOUR)

    assert sweep_once() == 1
    assert run_analysis(job) == "succeeded"
    assert row().fence == 2


@pytest.mark.django_db
def test_a_lease_of_now_is_respected(job: uuid.UUID) -> None:
    assert analyses.claim(job) is not None
    assert analyses.claim(job) is None


# --- Processes that do not come back ----------------------------------------------------------------
@pytest.mark.django_db
def test_a_case_that_ends_its_process_is_under_quarantine_after_three_tries(job: uuid.UUID) -> None:
    for status in ("queued", "queued", "failed"):
        began = timezone.now()
        assert analyses.claim(job) is not None
        assert analyses.lost(job, since=began, code="worker_lost") == status
    assert (row().error_code, row().attempts, row().fence) == ("quarantined", 3, 3)
    assert "ended the process" in row().error_detail
    assert (workload.look().quarantined, workload.look().failed) == (1, 0)


@pytest.mark.django_db
def test_a_process_that_did_not_hold_the_case_takes_it_from_nobody(job: uuid.UUID) -> None:
    assert analyses.claim(job) is not None
    assert analyses.lost(job, since=timezone.now() + timedelta(seconds=1), code="worker_lost") is None
    assert row().status == "running"


@pytest.mark.django_db
def test_an_analysis_without_memory_is_tried_again(job: uuid.UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    def judge(_content: bytes) -> Any:
        raise MemoryError

    monkeypatch.setattr("consultations.services.examination.quality.judge", judge)
    assert run_analysis(job) == "queued"
    assert row().error_code == "out_of_memory"


@pytest.mark.django_db
def test_a_database_that_goes_away_is_no_fault_of_the_case(
    job: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(_content: bytes) -> Any:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr("consultations.services.examination.quality.judge", judge)
    assert run_analysis(job) is None
    assert (row().status, row().attempts) == ("running", 0)


@pytest.mark.parametrize(("kind", "code"), [("timeout", "time_limit"), ("lost", "worker_lost")])
def test_the_main_process_reports_what_its_child_did_not(
    monkeypatch: pytest.MonkeyPatch, kind: str, code: str
) -> None:
    reported: list[tuple[str, str]] = []
    monkeypatch.setattr(lost, "report", lambda analysis, _since, code: reported.append((analysis, code)))
    monkeypatch.setattr(Request, "on_timeout", lambda *_: None)
    monkeypatch.setattr(Request, "on_failure", lambda *_: None)
    request = lost.WatchedRequest.__new__(lost.WatchedRequest)
    for name, value in {"time_start": time.time(), "_args": ["some-id"]}.items():
        setattr(request, name, value)
    if kind == "timeout":
        request.on_timeout(True, 4)
        assert reported == []
        request.on_timeout(False, 8)
    else:
        request.on_failure(SimpleNamespace(exception=WorkerLostError("signal 11")))
    until = time.monotonic() + 3
    while not reported and time.monotonic() < until:
        time.sleep(0.01)
    assert reported == [("some-id", code)]


@pytest.mark.django_db
def test_a_report_while_the_database_is_away_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(analyses, "lost", away)
    monkeypatch.setattr(connection, "close", lambda: None)
    lost.report(str(uuid.uuid4()), timezone.now(), "worker_lost")


# --- The watchdog ---------------------------------------------------------------------------------
def looks(**changes: Any) -> Any:
    """A look at second `now` of a worker that is well, but for `changes`."""
    return lambda now: Look(**{"now": now, "ticked": now, "waiting": 0, "busy": 0, "taken": 5, **changes})


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (looks(), ""),
        (looks(ticked=0.0), "stood still"),
        (looks(ticked=0.0, waiting=None), ""),
        (looks(waiting=3), "takes none"),
        (looks(waiting=3, busy=2), ""),
    ],
    ids=["well", "hangs", "no broker", "deaf", "busy"],
)
def test_a_worker_that_does_not_consume_is_told_from_one_that_cannot(look: Any, words: str) -> None:
    suspicion = Suspicion()
    verdicts = [suspicion.verdict(look(float(second))) for second in range(0, 60, 5)]
    assert any(verdicts) == bool(words)
    assert words in "".join(verdicts)


def test_a_worker_that_takes_now_and_then_is_left_alone() -> None:
    suspicion = Suspicion()
    assert not any(
        suspicion.verdict(looks(waiting=9, taken=second // 10)(float(second))) for second in range(0, 90, 5)
    )


def test_a_broker_that_comes_back_gives_the_worker_time() -> None:
    suspicion = Suspicion()
    for second in range(0, 300, 5):
        assert suspicion.verdict(looks(ticked=0.0, waiting=None)(float(second))) == ""
    assert suspicion.verdict(looks(ticked=0.0)(300.0)) == ""
    assert "stood still" in suspicion.verdict(looks(ticked=0.0)(346.0))


def test_the_watchdog_ends_the_worker_once() -> None:
    seconds = iter(range(0, 1000, 10))
    ended: list[str] = []
    watch(
        threading.Event(),
        lambda: looks(waiting=1)(float(next(seconds))),
        lambda: ended.append("ended"),
        every=0.001,
    )
    assert ended == ["ended"]
