"""Who gets a document, what stands in the answer around it, and what the log keeps."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.audit.models import AuditEvent
from tests.consultations.cases import CONSULTATIONS, NOBODY, breathless

pytestmark = pytest.mark.django_db
KINDS = ("leaflet", "referral-letter")


@pytest.fixture
def referred(decide: Any) -> dict[str, Any]:
    body: dict[str, Any] = decide(breathless(), action="refer")
    return body


@pytest.mark.parametrize("kind", KINDS)
def test_only_those_who_may_see_the_case_get_its_documents(
    kind: str,
    referred: dict[str, Any],
    request: pytest.FixtureRequest,
    as_user: Callable[[Any], Any],
    api: Any,
) -> None:
    path = f"{CONSULTATIONS}/{referred['id']}/{kind}"
    expected = {"ama": 200, "kofi": 200, "esi": 404, "yaw": 200, "efua": 403, "adjoa": 200}

    got = {name: as_user(request.getfixturevalue(name)).get(path).status_code for name in expected}

    assert got == expected
    assert api.get(path).status_code == 401


@pytest.mark.parametrize("kind", KINDS)
def test_a_document_is_for_its_one_reader(kind: str, referred: dict[str, Any], as_ama: Any) -> None:
    answer = as_ama.get(f"{CONSULTATIONS}/{referred['id']}/{kind}", HTTP_ACCEPT="application/pdf")

    short = referred["id"][-8:]
    name = f"leaflet-{short}.pdf" if kind == "leaflet" else f"referral-{short}.pdf"
    assert answer.status_code == 200
    assert answer.content.startswith(b"%PDF-")
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'inline; filename="{name}"'
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_that_is_still_good_is_not_sent_again(
    kind: str, referred: dict[str, Any], as_ama: Any
) -> None:
    path = f"{CONSULTATIONS}/{referred['id']}/{kind}"
    etag = as_ama.get(path)["ETag"]

    again = as_ama.get(path, HTTP_IF_NONE_MATCH=etag)

    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("kind", KINDS)
def test_a_problem_is_a_problem_whatever_was_asked_for(
    kind: str, opened: dict[str, Any], as_ama: Any
) -> None:
    answer = as_ama.get(f"{CONSULTATIONS}/{opened['id']}/{kind}", HTTP_ACCEPT="application/pdf")

    assert answer.status_code == 409
    assert answer["Content-Type"] == "application/problem+json"
    assert as_ama.get(f"{CONSULTATIONS}/{opened['id']}/{kind}", HTTP_ACCEPT="text/html").status_code == 406


@pytest.mark.parametrize(("kind", "named"), [("leaflet", "leaflet"), ("referral-letter", "referral_letter")])
def test_every_reading_is_recorded(kind: str, named: str, referred: dict[str, Any], as_ama: Any) -> None:
    as_ama.get(f"{CONSULTATIONS}/{referred['id']}/{kind}")

    event = AuditEvent.objects.get(action="report.read")
    assert str(event.patient_id) == referred["id"]
    assert event.outcome == "success"
    assert json.loads(event.canonical_json)["detail"] == {"document": named}


def test_nothing_that_was_not_handed_out_is_recorded_as_read(
    opened: dict[str, Any], as_ama: Any, events: Any
) -> None:
    events()

    as_ama.get(f"{CONSULTATIONS}/{opened['id']}/leaflet")
    as_ama.get(f"{CONSULTATIONS}/{NOBODY}/leaflet")

    assert events() == ["access.denied"]


# --- the admin ----------------------------------------------------------------------------------
def signed_in(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(kind: str, case: dict[str, Any]) -> str:
    return reverse(f"admin:consultations_consultation_{kind}", args=[case["id"]])


def test_a_supervisor_opens_both_from_the_case(referred: dict[str, Any], yaw: Any) -> None:
    client = signed_in(yaw)
    page = client.get(
        reverse("admin:consultations_consultation_change", args=[referred["id"]])
    ).content.decode()

    for kind in ("leaflet", "letter"):
        assert address(kind, referred) in page
        answer = client.get(address(kind, referred))
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/pdf"
        assert {"private", "no-cache"} <= set(answer["Cache-Control"].split(", "))
    assert AuditEvent.objects.filter(action="report.read", patient_id=referred["id"]).count() == 2


def test_the_case_offers_a_letter_only_to_who_is_referred(
    decide: Any, opened: dict[str, Any], yaw: Any
) -> None:
    client = signed_in(yaw)
    supplied = decide()

    def links(case: dict[str, Any]) -> list[str]:
        change = reverse("admin:consultations_consultation_change", args=[case["id"]])
        shown = client.get(change).content.decode()
        return [kind for kind in ("leaflet", "letter") if address(kind, case) in shown]

    assert links(opened) == []
    assert links(supplied) == ["leaflet"]


def test_why_not_is_said_in_words(opened: dict[str, Any], yaw: Any) -> None:
    answer = signed_in(yaw).get(address("leaflet", opened))

    assert answer.status_code == 409
    assert "Record a decision first" in answer.content.decode()


def test_the_admin_shows_no_document_to_anybody_else(referred: dict[str, Any], efua: Any, ama: Any) -> None:
    assert signed_in(efua).get(address("leaflet", referred)).status_code in (403, 404)
    assert signed_in(ama).get(address("leaflet", referred)).status_code == 302
    assert Client().get(address("letter", referred)).status_code == 302


def test_nobody_posts_to_a_document(referred: dict[str, Any], yaw: Any, as_ama: Any) -> None:
    assert signed_in(yaw).post(address("leaflet", referred)).status_code == 405
    assert as_ama.post(f"{CONSULTATIONS}/{referred['id']}/leaflet").status_code == 405
