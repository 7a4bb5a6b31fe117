"""The auditor's pages: for auditors and administrators, to read and nothing else."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts.audit import Action, denied, record
from accounts.audit.admin.base import BoundedPaginator
from accounts.audit.models import AuditCheckpoint, AuditDisclosure, AuditEvent, AuditLeaf, AuditPending
from accounts.audit.sealer import seal_all
from dermatech.core.ids import uuid7

EVENTS = "/admin/accounts/auditevent/"
CHECKPOINTS = "/admin/accounts/auditcheckpoint/"


@pytest.fixture
def browser(guarded: None) -> Callable[[Any], Client]:
    """A browser signed in as somebody."""

    def opening(person: Any) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return opening


@pytest.fixture
def patient(guarded: None, ama: Any, esi: Any) -> Any:
    """Ama looked at a patient's photo, Esi was refused; sealed. The patient's id."""
    patient = uuid7()
    with transaction.atomic():
        record(
            actor=ama, action=Action.PHOTO_READ, entity=("photo", "7"), patient=patient,
            changes={"initials": "AB"}, detail={"note": "<b>bold</b>"},
        )  # fmt: skip
    denied(actor=esi, action=Action.ACCESS_DENIED, patient=patient)
    seal_all()
    return patient


def shown(client: Client, **query: str) -> list[str]:
    """The actions in the list of events, newest first, without the reading itself."""
    answer = client.get(EVENTS, query)
    assert answer.status_code == 200
    return [e.action for e in answer.context["cl"].result_list if e.action != "audit.read"]


@pytest.mark.parametrize("page", [EVENTS, CHECKPOINTS])
def test_auditors_and_administrators_may_look_and_nobody_else(
    page: str, browser: Any, efua: Any, adjoa: Any, yaw: Any, ama: Any
) -> None:
    assert [browser(person).get(page).status_code for person in (efua, adjoa, yaw, ama)] == [
        200,
        200,
        403,
        302,
    ]


def test_nobody_adds_changes_or_deletes(browser: Any, patient: Any, adjoa: Any) -> None:
    client, event = browser(adjoa), AuditEvent.objects.first()
    assert event is not None
    for page in (
        f"{EVENTS}add/",
        f"{EVENTS}{event.pk}/delete/",
        f"{CHECKPOINTS}add/",
        f"{CHECKPOINTS}2/delete/",
    ):
        assert client.post(page, {"post": "yes"}).status_code == 403
    assert client.post(f"{EVENTS}{event.pk}/change/", {"action": "x"}).status_code == 403
    client.post(EVENTS, {"action": "delete_selected", "_selected_action": str(event.pk)})
    assert AuditEvent.objects.filter(pk=event.pk).exists()


def test_marks_leaves_and_recorded_values_are_not_in_the_admin() -> None:
    assert not {AuditPending, AuditLeaf, AuditDisclosure} & set(admin.site._registry)


def test_the_list_is_newest_first_and_searches(browser: Any, patient: Any, efua: Any, ama: Any) -> None:
    client = browser(efua)
    assert shown(client) == ["access.denied", "photo.read"]
    assert shown(client, q="mensah") == ["photo.read"]
    assert shown(client, q="photo.") == ["photo.read"]
    assert shown(client, q=str(patient)) == ["access.denied", "photo.read"]
    assert shown(client, q=str(ama.pk)) == ["photo.read"]
    assert shown(client, q="7") == ["photo.read"]
    assert shown(client, q="nobody ' \" % \\") == []


def test_the_list_filters_by_action_person_outcome_patient_and_time(
    browser: Any, patient: Any, efua: Any, esi: Any
) -> None:
    client = browser(efua)
    assert shown(client, action__exact="photo.read") == ["photo.read"]
    assert shown(client, outcome__exact="denied") == ["access.denied"]
    assert shown(client, person="esi al") == shown(client, person=str(esi.pk)) == ["access.denied"]
    assert shown(client, patient=str(patient)) == ["access.denied", "photo.read"]
    assert shown(client, patient=str(uuid7())) == shown(client, patient="nonsense") == []
    today = f"{timezone.now():%Y-%m-%d}"
    assert shown(client, recorded_at_from_0="2999-01-01", recorded_at_from_1="00:00:00") == []
    assert len(shown(client, recorded_at_from_0=today, recorded_at_to_0=today)) == 2
    assert shown(client, recorded_at_to_0=today, recorded_at_to_1="00:00:00") == []
    assert len(shown(client, recorded_at_from_0="some day")) == 2


def test_the_detail_page_tells_everything_and_escapes_it(browser: Any, patient: Any, efua: Any) -> None:
    event = AuditEvent.objects.get(action="photo.read")
    page = browser(efua).get(f"{EVENTS}{event.pk}/change/").content.decode()
    commitment = json.loads(event.canonical_json)["changes"]["initials"]
    for text in (
        "Photo looked at (photo.read)", "Ama Mensah", "Care of the patient (TREAT)", "photo 7", str(patient),
        commitment, "checkpoint of 2 events", bytes(event.leaf.leaf_hash).hex(),
        "&lt;b&gt;bold&lt;/b&gt;",
    ):  # fmt: skip
        assert text in page, text
    assert "<b>bold" not in page
    assert 'name="_save"' not in page


def test_an_event_that_waits_says_so(browser: Any, efua: Any) -> None:
    event = denied(actor=None, action=Action.ACCESS_DENIED)
    page = browser(efua).get(f"{EVENTS}{event.pk}/change/").content.decode()
    assert "waiting to be sealed" in page


def test_a_checkpoint_can_be_copied_with_the_key_that_verifies_it(
    browser: Any, patient: Any, efua: Any, key: str
) -> None:
    checkpoint = AuditCheckpoint.objects.get()
    page = browser(efua).get(f"{CHECKPOINTS}{checkpoint.size}/change/").content.decode()
    assert checkpoint.note.split("\n")[2].replace("+", "&#43;") in page.replace("+", "&#43;")
    assert key.split("+")[1] in page


def test_reading_the_log_is_itself_an_event(browser: Any, patient: Any, efua: Any) -> None:
    client, pk = browser(efua), AuditEvent.objects.get(action="photo.read").pk
    before = AuditEvent.objects.count()
    client.get(EVENTS, {"q": "mensah"})
    client.get(f"{EVENTS}{pk}/change/")
    listed, opened = AuditEvent.objects.filter(action="audit.read").order_by("id")
    assert AuditEvent.objects.count() == before + 2
    assert (listed.actor_name, listed.entity_id) == ("Efua Quaye", "")
    assert json.loads(listed.canonical_json)["detail"] == {"query": "q=mensah"}
    assert (opened.entity_type, opened.entity_id) == ("accounts.auditevent", str(pk))


def test_a_refused_look_is_no_reading(browser: Any, patient: Any, yaw: Any) -> None:
    browser(yaw).get(EVENTS)
    assert not AuditEvent.objects.filter(action="audit.read").exists()


def test_the_list_costs_the_same_however_many_events_it_shows(
    browser: Any, write: Any, efua: Any, django_assert_max_num_queries: Any
) -> None:
    client = browser(efua)
    write(40)
    seal_all()
    client.get(EVENTS)
    with django_assert_max_num_queries(14):
        # session, user, the reading (savepoints, event, mark), bounded count, the page with its leaves
        client.get(EVENTS)


def test_the_count_goes_no_further_than_its_bound(
    write: Any, browser: Callable[[Any], Client], efua: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.audit.admin.base.COUNTED", 5)
    write(9)
    said = " ".join(browser(efua).get(EVENTS).content.decode().split())
    assert "more than 5 audit events" in said
    assert BoundedPaginator(AuditEvent.objects.order_by("-id"), 2).count == 5
    assert BoundedPaginator([1, 2, 3], 2).count == 3


def test_the_pages_have_the_addresses_django_gives_them() -> None:
    assert reverse("admin:accounts_auditevent_changelist") == EVENTS
    request = RequestFactory().get("/")
    request.user = None  # type: ignore[assignment]
    assert not admin.site._registry[AuditEvent].has_module_permission(request)
