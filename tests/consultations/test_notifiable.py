"""Suspicions that must be passed on: the list, the form, the mark, and who may set it."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from consultations.models import Consultation, NotifiableCase, Notification
from consultations.notifiable import definition, services
from dermatech.core.errors import Conflict, Forbidden, ValidationFailed
from tests.consultations.cases import CONSULTATIONS, ringworm
from tests.consultations.documents.conftest import read_pdf

pytestmark = pytest.mark.django_db


@pytest.fixture
def measles(as_ama: Any) -> uuid.UUID:
    """A child whom the pharmacist holds for a case of measles."""
    body = ringworm(
        patient={"age_months": 40, "sex": "female", "initials": "EA"},
        facts={"fever": True, "duration_days": 3},
        findings={"present": [], "absent": ["numb_patch"]},
        working_diagnosis="measles",
    )
    return uuid.UUID(as_ama.post(CONSULTATIONS, body, format="json").json()["id"])


def _signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def _sent(person: Any, case: uuid.UUID, **changes: Any) -> Notification:
    told = {"sent_to": "Mr Adjei, Ga West", "channel": "phone", "sent_at": timezone.now(), **changes}
    return services.mark_sent(actor=person, consultation_id=case, **told)


def test_a_suspicion_is_listed_with_the_definition_it_meets(
    measles: uuid.UUID, opened: dict[str, Any], yaw: Any
) -> None:
    (row,) = NotifiableCase.objects.visible_to(yaw).suspected()
    assert row.pk == measles
    assert "Measles suspected by the pharmacist" in [each.title for each in definition.met(row)]
    (marked,) = definition.marked(row)
    assert marked.name == "Measles (suspected)"
    assert "Ghana" in marked.source


def test_the_mark_says_who_and_when_once_and_can_be_taken_back(
    measles: uuid.UUID, yaw: Any, abena: Any, events: Any
) -> None:
    events()
    kept = _sent(yaw, measles, reference="GHA-GAW-26-014")
    assert (kept.sent_by, kept.channel) == (yaw, "phone")
    assert kept.disease.startswith("measles")
    with pytest.raises(Conflict) as twice:
        _sent(abena, measles)
    assert twice.value.code == "already_sent"
    services.take_back(actor=abena, consultation_id=measles)
    assert not Notification.objects.exists()
    with pytest.raises(Conflict):
        services.take_back(actor=abena, consultation_id=measles)
    assert events() == ["notification.sent", "notification.withdrawn"]


@pytest.mark.one_database
def test_what_makes_no_sense_is_refused(
    measles: uuid.UUID, opened: dict[str, Any], yaw: Any, adjoa: Any, ama: Any
) -> None:
    for changes in (
        {"sent_to": " "}, {"channel": "pigeon"}, {"sent_at": timezone.now() + timedelta(days=1)},
        {"sent_at": timezone.now() - timedelta(days=3)},
    ):  # fmt: skip
        with pytest.raises(ValidationFailed):
            _sent(yaw, measles, **changes)
    with pytest.raises(Conflict) as refused:
        _sent(yaw, uuid.UUID(opened["id"]))
    assert refused.value.code == "not_notifiable"
    for person in (adjoa, ama):
        with pytest.raises(Forbidden):
            _sent(person, measles)


@pytest.mark.one_database
def test_the_form_is_filled_in_as_far_as_the_record_goes(
    measles: uuid.UUID, yaw: Any, efua: Any, events: Any
) -> None:
    page = reverse("admin:consultations_notifiablecase_print_form", args=[measles])
    events()
    answer = _signed_in(yaw).get(page)
    assert answer["Content-Type"] == "application/pdf"
    text = " ".join(read_pdf(answer.content).text.split())
    for words in (
        "Notification of a suspected case", "measles - district disease surveillance officer", "EA",
        "3 years",
        "Osu Pharmacy", "Measles suspected by the pharmacist", "is marked as notifiable", "Town, community",
    ):  # fmt: skip
        assert words in text, words
    assert events() == ["report.read"]
    assert _signed_in(efua).get(page).status_code in (302, 403, 404)
    assert b"%PDF" not in _signed_in(efua).get(page).content


@pytest.mark.one_database
def test_the_pages_ask_first_and_refuse_who_may_not(
    measles: uuid.UUID, yaw: Any, efua: Any, adjoa: Any
) -> None:
    def page(name: str, *args: Any) -> str:
        return reverse(f"admin:consultations_notifiablecase_{name}", args=args)

    supervisor, administrator = _signed_in(yaw), _signed_in(adjoa)
    assert "measles" in supervisor.get(page("changelist") + "?sent=no").content.decode()
    shown = supervisor.get(page("change", measles)).content.decode()
    assert "Not yet. To be told: measles" in shown
    assert "The mark stands in the audit log" in supervisor.get(page("mark_sent", measles)).content.decode()
    said = {"sent_to": "Mr Adjei", "channel": "phone", "reference": "", "sent_at": ""}
    assert "This field is required." in supervisor.post(page("mark_sent", measles), said).content.decode()
    now = timezone.now().strftime("%Y-%m-%dT%H:%M")
    assert administrator.get(page("change", measles)).status_code == 200
    administrator.post(page("mark_sent", measles), {**said, "sent_at": now})
    assert not Notification.objects.exists()
    assert supervisor.post(page("mark_sent", measles), {**said, "sent_at": now}).status_code == 302
    assert "Mr Adjei, by phone" in supervisor.get(page("change", measles)).content.decode()
    assert supervisor.get(page("changelist") + "?sent=no").context["cl"].result_count == 0
    administrator.post(page("take_back", measles))
    assert Notification.objects.exists()
    assert supervisor.post(page("take_back", measles)).status_code == 302
    assert not Notification.objects.exists()
    for address in (page("changelist"), page("change", measles)):
        assert _signed_in(efua).get(address).status_code == 403
    assert Consultation.objects.count() == 1
