"""What is written, when, and in whose transaction."""

import importlib
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from celery.signals import task_postrun
from django.core.signals import request_finished
from django.db import transaction

from accounts.audit import Action, AuditOutsideTransaction, Outcome, Purpose, denied, record, settle
from accounts.audit.canonical import canonical_json, plain
from accounts.audit.commitments import commitment
from accounts.audit.models import AuditDisclosure, AuditEvent, AuditPending
from dermatech.core.context import RequestContext, bound
from dermatech.core.ids import uuid7

IN_A_REQUEST = RequestContext(
    request_id="req-12345678", address="10.1.2.3", user_agent="DermaTech/1.0", device="0190-device"
)


class Boom(Exception):
    pass


def then_roll_back(write: Callable[..., AuditEvent], **fields: Any) -> AuditEvent:
    """Write in a transaction that fails afterwards."""
    try:
        with transaction.atomic():
            event = write(actor=None, **fields)
            raise Boom
    except Boom:
        return event


@pytest.mark.parametrize("action", list(Action))
def test_the_event_of_every_action_has_exactly_this_shape(action: Action, ama: Any) -> None:
    patient = uuid7()
    with bound(IN_A_REQUEST), transaction.atomic():
        event = record(
            actor=ama, action=action, entity=ama, patient=patient, detail={"pages": 2, "why": None}
        )
    assert json.loads(event.canonical_json) == {
        "v": 1,
        "id": str(event.pk),
        "recorded_at": event.recorded_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "action": action.value,
        "fhir": action.fhir,
        "outcome": "success",
        "purpose": "TREAT",
        "agent": {
            "id": str(ama.pk), "name": "Ama Mensah", "role": "pharmacist", "address": "10.1.2.3",
            "device": "0190-device", "user_agent": "DermaTech/1.0",
        },
        "entity": {"type": "accounts.user", "id": str(ama.pk)},
        "patient": str(patient),
        "request_id": "req-12345678",
        "changes": {},
        "detail": {"pages": 2, "why": None},
    }  # fmt: skip
    assert action.fhir in "CRUDE"
    assert AuditPending.objects.get().event_id == event.pk


def test_the_vocabulary_holds_every_action_the_contract_names() -> None:
    named = {
        "auth.login", "auth.login_failed", "auth.logout", "auth.refresh", "auth.token_reused",
        "auth.password_reset_requested", "auth.password_changed", "account.registered",
        "account.verified", "account.refused", "account.deactivated", "account.updated",
        "account.read", "session.read", "session.ended", "access.denied", "consultation.created",
        "consultation.updated", "consultation.read", "consultation.listed", "consultation.closed",
        "photo.added", "photo.refused", "photo.read", "analysis.queued", "analysis.started",
        "analysis.succeeded", "analysis.failed", "analysis.read", "heatmap.read",
        "recommendation.made", "decision.recorded", "knowledge.loaded", "knowledge.edited",
        "release.proposed", "release.approved", "release.rolled_back", "model.installed",
        "model.activated", "model.retired", "audit.exported", "audit.read", "admin.viewed",
        "system.heartbeat",
    }  # fmt: skip
    assert named <= set(Action.values)


def test_outcomes_and_purposes_have_their_fhir_codes() -> None:
    assert {o.value: o.fhir for o in Outcome} == {"success": "0", "denied": "4", "failed": "8"}
    assert [p.fhir for p in Purpose] == [
        "TREAT",
        "HOPERAT",
        "HSYSADMIN",
        "HQUALIMP",
        "HCOMPL",
        "PATRQT",
        "BTG",
    ]


def test_the_columns_are_copies_of_the_text(ama: Any) -> None:
    patient = uuid7()
    with bound(IN_A_REQUEST), transaction.atomic():
        pk = record(actor=ama, action=Action.PHOTO_READ, entity=("photo", "7"), patient=patient).pk
    event = AuditEvent.objects.get(pk=pk)
    assert (event.action, event.outcome, event.actor_id, event.actor_name) == (
        "photo.read", "success", str(ama.pk), "Ama Mensah",
    )  # fmt: skip
    assert (event.entity_type, event.entity_id, event.patient_id) == ("photo", "7", patient)
    assert event.request_id == "req-12345678"


def test_the_text_is_canonical(ama: Any) -> None:
    with transaction.atomic():
        event = record(actor=ama, action=Action.ACCOUNT_UPDATED, detail={"z": 1, "a": "Ɔkyeame"})
    assert event.canonical_json == canonical_json(json.loads(event.canonical_json))
    assert '"detail":{"a":"Ɔkyeame","z":1}' in event.canonical_json


def test_without_an_actor_it_was_the_system_or_in_a_request_somebody_unknown(db: None) -> None:
    with transaction.atomic():
        alone = record(actor=None, action=Action.ANALYSIS_STARTED)
        with bound(RequestContext(request_id="req-of-the-submitter")):
            for_someone = record(actor=None, action=Action.ANALYSIS_SUCCEEDED)
        with bound(IN_A_REQUEST):
            stranger = record(actor=None, action=Action.AUTH_PASSWORD_RESET_REQUESTED)
    assert (alone.actor_id, alone.actor_name, alone.request_id) == ("", "System", "")
    assert (for_someone.actor_name, for_someone.request_id) == ("System", "req-of-the-submitter")
    assert stranger.actor_name == "Anonymous"
    assert json.loads(stranger.canonical_json)["agent"]["role"] == "anonymous"


def test_changes_stand_in_the_event_as_commitments_only(ama: Any) -> None:
    changes = {"initials": "KQX", "weight_kg": Decimal("22.50"), "seen": date(2026, 1, 2)}
    with transaction.atomic():
        event = record(actor=ama, action=Action.CONSULTATION_UPDATED, changes=changes)
    committed = json.loads(event.canonical_json)["changes"]
    openings = json.loads(AuditDisclosure.objects.get(event=event).values)
    assert "KQX" not in event.canonical_json
    assert {field: opening["value"] for field, opening in openings.items()} == {
        "initials": "KQX", "weight_kg": "22.50", "seen": "2026-01-02",
    }  # fmt: skip
    for field, opening in openings.items():
        assert committed[field] == commitment(field, opening["value"], bytes.fromhex(opening["salt"]))


def test_what_was_changed_stands_with_what_it_was(ama: Any) -> None:
    from accounts.services import change_profile

    old = ama.full_name
    change_profile(actor=ama, changes={"full_name": "Ama Serwaa Mensah"}, check=lambda _: None)
    event = AuditEvent.objects.get(action="account.updated")
    openings = json.loads(AuditDisclosure.objects.get(event=event).values)
    assert set(json.loads(event.canonical_json)["changes"]) == {"full_name", "full_name.before"}
    assert openings["full_name"]["value"] == "Ama Serwaa Mensah"
    assert openings["full_name.before"]["value"] == old


def test_the_same_value_twice_gives_two_commitments(ama: Any) -> None:
    with transaction.atomic():
        events = [record(actor=ama, action=Action.ACCOUNT_UPDATED, changes={"phone": "1"}) for _ in "ab"]
    first, second = (json.loads(event.canonical_json)["changes"]["phone"] for event in events)
    assert first != second


def test_recorded_values_are_encrypted_at_rest_and_may_be_erased(ama: Any) -> None:
    from django.db import connection

    with transaction.atomic():
        event = record(actor=ama, action=Action.CONSULTATION_CREATED, changes={"initials": "KQX"})
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT "values" FROM {AuditDisclosure._meta.db_table}')
        assert "KQX" not in cursor.fetchone()[0]
    assert AuditDisclosure.objects.filter(event=event).delete()[0] == 1


def test_a_commitment_needs_a_whole_salt() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        commitment("initials", "AB", b"short")


def test_a_success_outside_a_transaction_is_refused(db: None) -> None:
    with pytest.raises(AuditOutsideTransaction, match=r"consultation\.read"):
        record(actor=None, action=Action.CONSULTATION_READ)
    assert not AuditEvent.objects.exists()


def test_a_failure_needs_no_transaction_of_the_caller(db: None) -> None:
    record(actor=None, action=Action.ANALYSIS_FAILED, outcome=Outcome.FAILED)
    assert AuditEvent.objects.get().outcome == "failed"


def test_what_is_rolled_back_leaves_no_event(committing: None) -> None:
    then_roll_back(record, action=Action.CONSULTATION_CREATED, changes={"initials": "AB"})
    assert not AuditEvent.objects.exists()
    assert not AuditPending.objects.exists()
    assert not AuditDisclosure.objects.exists()


def test_a_denial_is_committed_at_once(committing: None) -> None:
    denied(actor=None, action=Action.ACCESS_DENIED)
    assert AuditEvent.objects.get().outcome == "denied"


@pytest.mark.parametrize("end", [request_finished, task_postrun])
def test_a_denial_survives_the_rollback_around_it(committing: None, end: Any) -> None:
    importlib.import_module("accounts.tasks")  # as workers do
    event = then_roll_back(denied, action=Action.ACCESS_DENIED, changes={"asked": "for"})
    assert not AuditEvent.objects.exists()
    end.send(sender=None)
    kept = AuditEvent.objects.get()
    assert (kept.pk, kept.canonical_json) == (event.pk, event.canonical_json)
    assert AuditPending.objects.count() == AuditDisclosure.objects.count() == 1


def test_a_denial_whose_transaction_commits_is_written_once(committing: None) -> None:
    with transaction.atomic():
        denied(actor=None, action=Action.ACCESS_DENIED)
    assert settle() == 0
    assert AuditEvent.objects.count() == 1


def test_a_lost_denial_is_written_before_the_next_one(committing: None) -> None:
    then_roll_back(denied, action=Action.ACCESS_DENIED)
    denied(actor=None, action=Action.AUTH_LOGIN_FAILED)
    assert set(AuditEvent.objects.values_list("action", flat=True)) == {"access.denied", "auth.login_failed"}
    assert settle() == 0


def test_a_denial_owed_by_one_test_does_not_reach_the_next(db: None) -> None:
    from accounts.audit import recorder

    with transaction.atomic():
        denied(actor=None, action=Action.ACCESS_DENIED)
    (draft,) = recorder._owed.get()
    recorder._owed.set((recorder._Draft(draft.event, {}, scope=object()),))
    assert settle() == 0
    assert recorder._owed.get() == ()


def test_details_are_text_and_whole_numbers_only(db: None) -> None:
    with transaction.atomic(), pytest.raises(TypeError, match="float"):
        record(actor=None, action=Action.AUDIT_READ, detail={"score": 0.5})  # type: ignore[dict-item]


def test_what_no_database_takes_is_cleaned_away(db: None) -> None:
    hostile = "a\x00b\ud800c\n=1+1"
    with (
        bound(RequestContext(request_id=hostile, address=hostile, user_agent="x" * 900)),
        transaction.atomic(),
    ):
        pk = record(
            actor=None, action=Action.AUDIT_READ, entity=(hostile, "é" * 300), detail={"q": hostile}
        ).pk
    event = AuditEvent.objects.get(pk=pk)
    assert event.entity_type == "ab?c\n=1+1"
    assert event.entity_id == "é" * 100
    assert "\n" not in event.canonical_json
    assert len(json.loads(event.canonical_json)["agent"]["user_agent"]) == 200


def test_an_event_of_unreasonable_size_is_refused(db: None) -> None:
    with transaction.atomic(), pytest.raises(ValueError, match="larger than"):
        record(actor=None, action=Action.AUDIT_READ, detail={f"k{n}": "x" * 1000 for n in range(100)})


def test_recording_costs_two_queries(ama: Any, django_assert_num_queries: Any) -> None:
    with transaction.atomic(), django_assert_num_queries(2):
        # the event and its pending mark
        record(actor=ama, action=Action.CONSULTATION_READ)


def test_values_have_one_plain_form() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    value = {"b": {3, 1}, "a": (moment, Action.AUDIT_READ, None, True)}
    assert (
        canonical_json(plain(value))
        == '{"a":["2026-01-02T03:04:05.000000Z","audit.read",null,true],"b":[1,3]}'
    )
    with pytest.raises(TypeError, match="no plain form"):
        plain(object())
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))
