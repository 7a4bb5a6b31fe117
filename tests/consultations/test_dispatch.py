"""Telling the worker: a broker that is dead, or frozen, is not the pharmacist's problem."""

import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from consultations.services.dispatch import Publisher
from tests.consultations.cases import CONSULTATIONS, ringworm, upload


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Celery set up as ours, whose Redis would be at a socket of this test."""
    path = tmp_path / "r.sock"
    app: Any = Celery("tests", set_as_current=False)
    app.config_from_object("django.conf:settings", namespace="CELERY")
    app.conf.broker_url = f"redis+socket://{path}?virtual_host=0"
    monkeypatch.setattr("consultations.services.dispatch.application", lambda: app)
    yield path
    app.close()


def test_a_dead_broker_costs_less_than_a_second(broker: Path) -> None:
    publisher = Publisher()
    started = time.monotonic()

    assert publisher.send(uuid.uuid4()) is False
    assert time.monotonic() - started < 0.9


def test_a_frozen_broker_costs_less_than_a_second_and_the_next_caller_nothing(broker: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(broker))
    listener.listen(8)  # connections are taken by the kernel, and nobody ever answers
    publisher = Publisher()

    try:
        started = time.monotonic()
        assert publisher.send(uuid.uuid4()) is False
        first = time.monotonic() - started
        started = time.monotonic()
        assert publisher.send(uuid.uuid4()) is False
        second = time.monotonic() - started
    finally:
        listener.close()

    assert first < 0.9
    assert second < 0.05


def test_it_tries_again_after_a_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = Publisher(cooldown=0.05)
    working: list[bool] = [False]

    def publish(app: Any, analysis_id: str, sent: list[bool]) -> None:
        if working[0]:
            sent.append(True)

    monkeypatch.setattr("consultations.services.dispatch._publish", publish)
    assert publisher.send(uuid.uuid4()) is False
    working[0] = True
    assert publisher.send(uuid.uuid4()) is False
    time.sleep(0.06)
    assert publisher.send(uuid.uuid4()) is True


@pytest.mark.django_db(transaction=True)
def test_the_consultation_is_taken_while_the_broker_is_dead(
    starter_knowledge: None, ama: Any, as_user: Any, broker: Path
) -> None:
    import json

    client = as_user(ama)
    started = time.monotonic()

    answer = client.post(
        CONSULTATIONS, {"data": json.dumps(ringworm()), "image": upload()}, format="multipart"
    )

    assert answer.status_code == 201
    assert answer.json()["analysis"]["status"] == "queued"
    assert time.monotonic() - started < 5


@pytest.mark.django_db
def test_the_id_is_sent_after_the_commit_and_only_then(
    as_ama: Any, sent: list[uuid.UUID], django_capture_on_commit_callbacks: Any
) -> None:
    import json

    with django_capture_on_commit_callbacks(execute=False) as callbacks:
        body = as_ama.post(
            CONSULTATIONS, {"data": json.dumps(ringworm()), "image": upload()}, format="multipart"
        ).json()
        assert sent == []
    for callback in callbacks:
        callback()

    assert [str(each) for each in sent] == [body["analysis"]["id"]]
