"""Who may do what at every address of the API: one table, from which no address may be missing.

Each row has the answers to Ama, Kofi beside her, the stranger Esi, the supervisor Yaw, the auditor Efua,
the administrator Adjoa and to nobody. Where an address names an object, that object is Ama's, and the
second half of the row has the answers about an object that does not exist. Bodies are empty, so whoever
may do a thing that needs one is answered 400.
"""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.urls import URLPattern, get_resolver, reverse
from django.urls.resolvers import URLResolver
from django.utils import timezone

from consultations.models import Analysis, Upload
from consultations.services import dispatch
from consultations.services.worker import run_analysis
from tests.consultations.cases import CONSULTATIONS, NOBODY, ringworm, upload

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]

PEOPLE = ("ama", "kofi", "esi", "yaw", "efua", "adjoa", "nobody")
_ALL_400 = "400 400 400 400 400 400 400"
# For everybody and about nobody; asked where it is tested what they say.
_PUBLIC = "public"
_SIGNED_IN = "200 200 200 200 200 200 401"
TABLE = {
    # --- who someone is: these addresses ask nobody who they are
    ("POST", "auth-register"): _ALL_400,
    ("POST", "auth-register-answer"): _ALL_400,
    ("POST", "auth-confirm-email"): _ALL_400,
    ("POST", "auth-login"): _ALL_400,
    ("POST", "auth-refresh"): _ALL_400,
    ("POST", "auth-logout"): _ALL_400,
    ("POST", "auth-password-reset"): _ALL_400,
    ("POST", "auth-password-reset-confirm"): _ALL_400,
    # --- one's own account
    ("GET", "auth-me"): _SIGNED_IN,
    ("PATCH", "auth-me"): _SIGNED_IN,
    ("GET", "auth-sessions"): _SIGNED_IN,
    ("DELETE", "auth-session"): "204 404 404 404 404 404 401 | 404 404 404 404 404 404 401",
    # --- what the profession knows
    ("GET", "triage-guidelines"): _SIGNED_IN,
    ("GET", "triage-conditions"): _SIGNED_IN,
    ("GET", "triage-findings"): _SIGNED_IN,
    ("POST", "triage-assess"): _SIGNED_IN,
    ("GET", "medications"): _SIGNED_IN,
    ("GET", "medication-search"): "400 400 400 400 400 400 401",
    ("GET", "medication"): "200 200 200 200 200 200 401 | 404 404 404 404 404 404 401",
    ("GET", "sync-bundle"): _SIGNED_IN,
    ("GET", "sync-phrases"): _SIGNED_IN,
    # --- what happened to a patient (no leaflet before a decision, no heatmap without a model)
    ("GET", "consultations"): "200 200 200 200 403 200 401",
    ("POST", "consultations"): "400 400 400 403 403 403 401",
    ("GET", "consultation"): "200 200 404 200 403 200 401 | 404 404 404 404 403 404 401",
    ("PUT", "consultation"): "400 400 404 403 403 403 401 | 404 404 404 403 403 403 401",
    ("PATCH", "consultation"): "200 200 404 403 403 403 401 | 404 404 404 403 403 403 401",
    ("POST", "consultation-images"): "415 415 404 403 403 403 401 | 404 404 404 403 403 403 401",
    ("GET", "consultation-image"): "200 200 404 200 403 200 401 | 404 404 404 404 403 404 401",
    ("GET", "consultation-leaflet"): "409 409 404 409 403 409 401 | 404 404 404 404 403 404 401",
    ("GET", "consultation-referral-letter"): "409 409 404 409 403 409 401 | 404 404 404 404 403 404 401",
    ("GET", "consultation-fhir"): "200 200 404 200 403 200 401 | 404 404 404 404 403 404 401",
    ("POST", "analysis-skin"): "400 400 400 403 403 403 401",
    ("GET", "analysis"): "200 200 404 200 403 200 401 | 404 404 404 404 403 404 401",
    ("GET", "analysis-heatmap"): "404 404 404 404 403 404 401 | 404 404 404 404 403 404 401",
    # --- a photo on its way, for who sends it alone (412: these requests do not say that they speak tus)
    ("POST", "uploads"): "412 412 412 403 403 403 401",
    ("GET", "upload"): "200 404 404 403 403 403 401 | 404 404 404 403 403 403 401",
    ("PATCH", "upload"): "412 412 412 403 403 403 401 | 412 412 412 403 403 403 401",
    ("DELETE", "upload"): "412 412 412 403 403 403 401 | 412 412 412 403 403 403 401",
    # --- the audit log
    ("GET", "audit-exports"): "403 403 403 403 200 200 401",
    ("POST", "audit-exports"): "403 403 403 403 202 202 401",
    ("GET", "audit-export"): "403 403 403 403 404 404 401 | 403 403 403 403 404 404 401",
    ("GET", "audit-export-file"): "403 403 403 403 404 404 401 | 403 403 403 403 404 404 401",
    ("GET", "audit-export-fhir"): "403 403 403 403 404 404 401 | 403 403 403 403 404 404 401",
    # --- operations
    ("GET", "health-live"): _PUBLIC,
    ("GET", "health-ready"): _PUBLIC,
    ("GET", "metrics"): _PUBLIC,
    ("GET", "schema"): _PUBLIC,
    ("GET", "docs"): _PUBLIC,
    ("GET", "redoc"): _PUBLIC,
    ("GET", "redoc-bundle"): _PUBLIC,
}


def _routes() -> Iterator[tuple[str, str]]:
    """(method, name) of everything below /api/."""

    def below(patterns: list[Any]) -> Iterator[URLPattern]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from below(pattern.url_patterns)
            else:
                yield pattern

    for root in get_resolver().url_patterns:
        if str(root.pattern).startswith("admin"):
            continue
        for pattern in below([root]):
            view = getattr(pattern.callback, "view_class", None) or getattr(pattern.callback, "cls", None)
            methods = [m for m in ("get", "post", "put", "patch", "delete") if hasattr(view, m)] or ["get"]
            for method in methods:
                yield method.upper(), str(pattern.name)


def test_no_address_is_missing_from_the_table() -> None:
    assert set(_routes()) == set(TABLE)


@pytest.fixture
def objects(
    ama: Any, as_user: Callable[[Any], Any], starter_knowledge: None, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Ama's consultation, its photo and analysis, and the device that she signed in with."""
    monkeypatch.setattr(dispatch.publisher, "send", lambda analysis_id: True)
    parts = {"data": json.dumps(ringworm()), "image": upload()}
    opened = as_user(ama).post(CONSULTATIONS, parts, format="multipart").json()
    run_analysis(Analysis.objects.get().pk)
    return {
        "consultation_id": opened["id"],
        "image_id": opened["images"][0]["id"],
        "analysis_id": opened["analysis"]["id"],
        "session_id": str(ama.device_sessions.get().pk),
        "medication_id": "clotrimazole-1-cream",
        "export_id": NOBODY,
        "upload_id": _uploading(ama, opened["id"]),
    }


def _uploading(ama: Any, consultation_id: str) -> str:
    """A photo that Ama has begun to send."""
    row = Upload.objects.create(
        owner=ama, consultation_id=consultation_id, length=10, expires_at=timezone.now() + timedelta(days=1)
    )
    return str(row.pk)


@pytest.fixture
def clients(as_user: Callable[[Any], Any], api: Any, request: pytest.FixtureRequest) -> dict[str, Any]:
    people = {name: as_user(request.getfixturevalue(name)) for name in PEOPLE if name != "nobody"}
    people["nobody"] = api
    for client in people.values():
        client.raise_request_exception = False
        client.credentials(**client._credentials, HTTP_X_REQUEST_ID="one-request-id")
    return people


def _path(name: str, objects: dict[str, str]) -> tuple[str, bool]:
    """The address, and whether it names an object."""
    pattern = next(p for p in get_resolver().reverse_dict.getlist(name))
    wanted = {part: objects[part] for part in pattern[0][0][1]}
    return reverse(name, kwargs=wanted), bool(wanted)


def _ask(client: Any, method: str, path: str) -> Any:
    """The answer, of which nothing remains."""
    with transaction.atomic():
        answer = client.generic(method, path, "{}", content_type="application/json")
        if hasattr(answer, "streaming_content"):
            b"".join(answer.streaming_content)
        transaction.set_rollback(True)
    return answer


def test_everybody_is_answered_as_the_table_says(objects: dict[str, str], clients: dict[str, Any]) -> None:
    nothing = {name: "no-such-medicine" if name == "medication_id" else NOBODY for name in objects}
    wrong, told_apart = [], []
    for (method, name), expected in TABLE.items():
        if expected == _PUBLIC:
            continue
        path, names_object = _path(name, objects)
        about = [_ask(client, method, path) for client in clients.values()]
        got = " ".join(str(answer.status_code) for answer in about)
        if names_object:
            missing = [_ask(client, method, _path(name, nothing)[0]) for client in clients.values()]
            got += " | " + " ".join(str(answer.status_code) for answer in missing)
            told_apart += [
                f"{method} {name} {who}"
                for who, foreign, none in zip(PEOPLE, about, missing, strict=True)
                if foreign.status_code == 404 and (who == "esi" or name == "auth-session")
                if _all_of(foreign) != _all_of(none)
            ]
        if got != expected:
            wrong.append(f"{method} {name}: {got}, not {expected}")
    assert not wrong, "\n".join(wrong)
    assert told_apart == []


def _all_of(answer: Any) -> tuple[int, bytes, dict[str, str]]:
    return answer.status_code, answer.content, dict(answer.headers)
