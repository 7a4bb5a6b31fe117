"""The small programs that containers run beside the service."""

import socket
import threading
from datetime import timedelta
from typing import Any

import pytest
import redis

from dermatech.health import heartbeat
from dermatech.run import await_database, ensure_bucket, probe
from dermatech.run.client import Answer, Client, RequestFailed


def answering(monkeypatch: pytest.MonkeyPatch, status: int | None) -> list[str]:
    """Let every request be answered with `status`, or not at all; the paths that were asked."""
    asked: list[str] = []

    def ask(_client: Client, _method: str, path: str, **_: Any) -> Answer:
        asked.append(path)
        if status is None:
            raise RequestFailed("GET /health/live got no answer: refused")
        return Answer(status, {}, b"{}", 1.0)

    monkeypatch.setattr(Client, "ask", ask)
    return asked


@pytest.mark.parametrize("name", ["live", "ready"])
def test_a_web_container_is_well_when_it_answers(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    asked = answering(monkeypatch, 200)
    assert probe.main([name]) == 0
    assert asked == [f"/health/{name}"]


@pytest.mark.parametrize("status", [503, None])
def test_a_web_container_that_does_not_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: int | None
) -> None:
    answering(monkeypatch, status)
    assert probe.main(["live"]) == 1
    assert "/health/live" in capsys.readouterr().err


def test_a_worker_container_looks_for_its_own_worker(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(heartbeat, "alive", lambda: [f"celery@{socket.gethostname()}"])
    assert probe.main(["worker"]) == 0
    monkeypatch.setattr(heartbeat, "alive", lambda: ["celery@another-host"])
    assert probe.main(["worker"]) == 1
    assert "no sign of life" in capsys.readouterr().err


def test_a_worker_is_not_restarted_because_redis_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> list[str]:
        raise redis.ConnectionError

    monkeypatch.setattr(heartbeat, "alive", refuse)
    assert probe.main(["worker"]) == 0


def test_a_sealer_that_lags_is_not_well(ama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import transaction

    from accounts.audit import Action, record

    assert probe.main(["sealer"]) == 0
    with transaction.atomic():
        record(actor=ama, action=Action.AUTH_LOGIN)
    assert probe.main(["sealer"]) == 0
    monkeypatch.setattr(probe, "_SEAL_LAG", timedelta(0))
    assert probe.main(["sealer"]) == 1


def test_an_unknown_probe_is_told_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main(["everything"]) == 2
    assert "live, ready, worker, sealer" in capsys.readouterr().err


def test_waiting_ends_when_the_database_answers(db: None) -> None:
    assert await_database.main(patience=0) == 0


def test_waiting_ends_with_a_sentence_when_it_never_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(await_database, "answers", lambda: False)
    assert await_database.main(patience=-1) == 1
    assert "did not answer" in capsys.readouterr().err


def test_without_a_bucket_there_is_nothing_to_make(settings: Any) -> None:
    settings.S3_BUCKET = ""
    assert "there is no bucket to make" in ensure_bucket.ensure_bucket()


def test_a_bucket_is_made_once(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.server import ThreadedMotoServer

    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    before = set(threading.enumerate())
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        settings.S3_BUCKET = "photos"
        settings.STORAGES = {
            **settings.STORAGES,
            "default": {
                "BACKEND": "storages.backends.s3.S3Storage",
                "OPTIONS": {
                    "bucket_name": "photos",
                    "endpoint_url": f"http://{host}:{port}",
                    "region_name": "us-east-1",
                    "access_key": "key",
                    "secret_key": "secret",
                },
            },
        }
        assert ensure_bucket.ensure_bucket() == "bucket photos made"
        assert ensure_bucket.ensure_bucket() == "bucket photos is there"
    finally:
        server.stop()
    assert set(threading.enumerate()) <= before
