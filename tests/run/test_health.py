"""Health answers quickly, names each part, and keeps metrics to those who may read them."""

import time
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
import redis
from django.db import connection
from django.test import Client

from accounts.audit.triggers import TRIGGERS as OF_THE_LOG
from dermatech.core.release_triggers import TRIGGERS as OF_RELEASES
from dermatech.core.triggers import TriggerSet
from dermatech.health import checks, heartbeat
from dermatech.health.checks import Finding, State


def finds(state: State, detail: str = "as arranged") -> Callable[[], Finding]:
    return lambda: Finding(state, detail)


@pytest.fixture
def arranged(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replace checks: all are well but those given."""

    def arrange(**states: Callable[[], Finding]) -> None:
        monkeypatch.setattr(
            checks, "CHECKS", {name: states.get(name, finds(State.OK)) for name in checks.CHECKS}
        )

    return arrange


@pytest.fixture
def no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Any:
        raise redis.ConnectionError

    monkeypatch.setattr(heartbeat, "connection", refuse)


def test_live_depends_on_nothing(api: Any) -> None:
    answer = api.get("/api/v1/health/live")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


def test_ready_names_every_part(api: Any, arranged: Callable[..., None]) -> None:
    arranged()
    answer = api.get("/api/v1/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"
    assert list(answer.json()["checks"]) == list(checks.CHECKS)
    assert answer.json()["checks"]["database"]["state"] == "ok"
    assert isinstance(answer.json()["checks"]["database"]["ms"], int)


@pytest.mark.parametrize("part", ["database", "broker", "storage", "worker"])
def test_a_part_that_is_needed_makes_it_503(api: Any, arranged: Callable[..., None], part: str) -> None:
    arranged(**{part: finds(State.DOWN)})
    answer = api.get("/api/v1/health/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "down"
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.parametrize(
    ("part", "state"), [("audit", State.DOWN), ("storage", State.DEGRADED), ("model", State.DEGRADED)]
)
def test_a_part_that_is_not_needed_degrades(
    api: Any, arranged: Callable[..., None], part: str, state: State
) -> None:
    arranged(**{part: finds(state)})
    answer = api.get("/api/v1/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"


def test_a_part_that_hangs_is_given_up_and_does_not_pile_up(arranged: Callable[..., None]) -> None:
    free, asked = Event(), []

    def hang() -> Finding:
        asked.append(1)
        free.wait(20)
        return Finding(State.OK, "at last")

    arranged(database=hang)
    try:
        for _ in range(2):
            began = time.monotonic()
            found = checks.run_checks()
            assert time.monotonic() - began < 1.6
            assert found["database"].state is State.DOWN
            assert found["database"].detail == "gave no answer in time"
            assert found["broker"].state is State.OK
        assert len(asked) == 1, "the second caller waited for the first one's check"
    finally:
        free.set()
        time.sleep(0.1)
    checks.run_checks()
    assert checks.run_checks()["database"].detail == "at last"


def test_a_part_that_fails_unexpectedly_is_down_and_tells_nothing_inner(
    arranged: Callable[..., None],
) -> None:
    def fail() -> Finding:
        raise ValueError("/secret/path")

    arranged(storage=fail)
    found = checks.run_checks()["storage"]
    assert (found.state, found.detail) == (State.DOWN, "does not answer")


def test_a_dead_redis_is_told_for_broker_and_worker(no_redis: None) -> None:
    assert checks.broker().state is State.DOWN
    assert checks.worker() == Finding(State.DOWN, "unknown, because Redis does not answer")


def test_a_heartbeat_survives_a_dead_redis(no_redis: None) -> None:
    heartbeat.beat("celery@here")
    heartbeat.stop("celery@here")


def test_workers_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "alive", list)
    assert checks.worker().state is State.DOWN
    monkeypatch.setattr(heartbeat, "alive", lambda: ["celery@a"])
    assert checks.worker() == Finding(State.OK, "1 worker alive")
    monkeypatch.setattr(heartbeat, "alive", lambda: ["celery@a", "celery@b"])
    assert checks.worker() == Finding(State.OK, "2 workers alive")


def test_a_long_queue_degrades_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "waiting", lambda _queue: 3)
    assert checks.broker() == Finding(State.OK, "Redis answers, 3 waiting")
    monkeypatch.setattr(heartbeat, "waiting", lambda _queue: 5000)
    assert checks.broker().state is State.DEGRADED


def test_a_folder_that_cannot_be_written_is_down(settings: Any, tmp_path: Any) -> None:
    assert checks.storage() == Finding(State.OK, "photos can be written")
    (tmp_path / "file").touch()
    settings.MEDIA_ROOT = tmp_path / "file"
    assert checks.storage() == Finding(State.DOWN, "photos cannot be written")


def test_a_full_disk_is_noticed_before_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "_LEAST_FREE_BYTES", 10**18)
    assert checks.storage().state is State.DEGRADED


def test_the_database_answers(db: None) -> None:
    assert checks.database().state is State.OK


def test_no_image_model_is_no_fault(db: None) -> None:
    assert checks.model() == Finding(State.OK, "no image model is installed")


def test_the_audit_log_is_protected_and_sealed(db: None) -> None:
    assert checks.audit() == Finding(State.OK, "protected; sealed")


@pytest.mark.parametrize(
    ("part", "triggers", "whose"),
    [("audit", OF_THE_LOG, "the log's"), ("releases", OF_RELEASES, "the releases'")],
)
def test_a_missing_trigger_is_seen(
    part: str, triggers: TriggerSet, whose: str, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_stood_at", {})
    connection.check_constraints()
    assert checks.CHECKS[part]().state is State.OK
    with connection.cursor() as cursor:
        cursor.execute(
            triggers.wanted("postgresql" if connection.vendor == "postgresql" else "sqlite")[0].drop
        )
    assert checks.CHECKS[part]().state is State.OK, "asked a moment ago"
    monkeypatch.setattr(checks, "_stood_at", {})
    for _ in range(2):
        found = checks.CHECKS[part]()
        assert found == Finding(State.DOWN, f"1 of {whose} protecting triggers are missing")


def test_a_sealer_that_lags_is_seen(ama: Any) -> None:
    from datetime import timedelta

    from django.db import transaction
    from django.utils import timezone

    from accounts.audit import Action, record

    with transaction.atomic():
        record(actor=ama, action=Action.AUTH_LOGIN)
    assert checks.audit() == Finding(State.OK, "protected; sealing")
    with pytest.MonkeyPatch.context() as patch:
        now = timezone.now()
        patch.setattr(timezone, "now", lambda: now + timedelta(minutes=5))
        found = checks.audit()
    assert found.state is State.DEGRADED
    assert "300 s old" in found.detail or "299 s old" in found.detail


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({"REMOTE_ADDR": "127.0.0.1"}, 200),
        ({"REMOTE_ADDR": "::1"}, 200),
        ({"REMOTE_ADDR": "203.0.113.9"}, 404),
        ({"REMOTE_ADDR": ""}, 404),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "203.0.113.9"}, 404),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_FORWARDED": "for=203.0.113.9"}, 404),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_REAL_IP": "203.0.113.9"}, 404),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_PROTO": "https"}, 404),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_VIA": "1.1 proxy"}, 404),
        ({"REMOTE_ADDR": "203.0.113.9", "HTTP_AUTHORIZATION": "Bearer right"}, 200),
        ({"REMOTE_ADDR": "203.0.113.9", "HTTP_AUTHORIZATION": "Bearer wrong"}, 404),
        ({"REMOTE_ADDR": "203.0.113.9", "HTTP_AUTHORIZATION": "Basic right"}, 404),
    ],
)
def test_metrics_are_for_the_token_and_this_machine(
    client: Any, settings: Any, sent: dict[str, str], status: int
) -> None:
    settings.METRICS_TOKEN = "right"
    assert client.get("/api/v1/metrics", **sent).status_code == status


def test_without_a_token_an_empty_one_opens_nothing(client: Any, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    sent = {"REMOTE_ADDR": "203.0.113.9", "HTTP_AUTHORIZATION": "Bearer "}
    assert client.get("/api/v1/metrics", **sent).status_code == 404


def test_health_takes_no_other_method(api: Any) -> None:
    answer = api.post("/api/v1/health/ready", {}, format="json")
    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"


def test_in_production_metrics_want_the_token_from_this_machine_too(client: Any, settings: Any) -> None:
    settings.PRODUCTION, settings.METRICS_TOKEN = True, "right"
    here = {"REMOTE_ADDR": "127.0.0.1"}
    assert client.get("/api/v1/metrics", **here).status_code == 404
    assert client.get("/api/v1/metrics", **here, HTTP_AUTHORIZATION="Bearer right").status_code == 200


def test_metrics_meet_another_method_with_405() -> None:
    answer = Client(enforce_csrf_checks=True).post("/api/v1/metrics")
    assert answer.status_code == 405
    assert answer["Content-Type"] == "application/problem+json"
