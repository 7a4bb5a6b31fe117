"""Fixtures of the consultation tests."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.consultations.cases import CONSULTATIONS, ringworm, upload


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[uuid.UUID]:
    """The ids that were given to the broker, which is not there."""
    from consultations.services import dispatch

    ids: list[uuid.UUID] = []

    def send(analysis_id: uuid.UUID) -> bool:
        ids.append(analysis_id)
        return True

    monkeypatch.setattr(dispatch.publisher, "send", send)
    return ids


@pytest.fixture
def knowledge(starter_knowledge: None, sent: list[uuid.UUID]) -> None:
    """Published starter knowledge, and no broker."""


@pytest.fixture
def as_ama(ama: Any, as_user: Callable[[Any], Any], knowledge: None) -> Any:
    """Ama's phone."""
    return as_user(ama)


@pytest.fixture
def opened(as_ama: Any) -> dict[str, Any]:
    """A consultation of Ama's without a photo, as it was answered."""
    answer = as_ama.post(CONSULTATIONS, ringworm(), format="json")
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


@pytest.fixture
def photographed(as_ama: Any) -> dict[str, Any]:
    """A consultation of Ama's with one photo and its queued analysis."""
    answer = as_ama.post(
        CONSULTATIONS, {"data": json.dumps(ringworm()), "image": upload()}, format="multipart"
    )
    assert answer.status_code == 201, answer.content
    body: dict[str, Any] = answer.json()
    return body


@pytest.fixture
def events() -> Callable[[], list[str]]:
    """The actions in the audit log since the last call, oldest first, without sign-ins."""
    from accounts.audit.models import AuditEvent

    seen: set[Any] = set()

    def fresh() -> list[str]:
        rows = [row for row in AuditEvent.objects.order_by("id") if row.pk not in seen]
        seen.update(row.pk for row in rows)
        return [
            str(row.action) for row in rows if not row.action.startswith(("auth.", "knowledge.", "release."))
        ]

    return fresh
