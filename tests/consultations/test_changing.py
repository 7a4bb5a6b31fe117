"""Changing a consultation: facts come in, people decide, and it is closed."""

import threading
from typing import Any

import pytest

from consultations.models import Consultation, Recommendation
from tests.consultations.cases import CONSULTATIONS, breathless, ringworm

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(opened: dict[str, Any]) -> str:
    return f"{CONSULTATIONS}/{opened['id']}"


def proposed(body: dict[str, Any]) -> str:
    """A medicine that was proposed and may be supplied."""
    return next(str(row["medication"]) for row in body["recommendations"] if row["may_supply"])


def test_a_new_fact_is_added_and_the_others_stay(as_ama: Any, path: str) -> None:
    body = as_ama.patch(path, {"facts": {"diabetes": False}}, format="json").json()

    assert body["facts"]["diabetes"] is False
    assert body["facts"]["itch_score"] == 6
    assert body["etag"] == "2"


def test_a_fact_of_null_becomes_unknown_again(as_ama: Any, path: str) -> None:
    body = as_ama.patch(path, {"facts": {"itch_score": None}}, format="json").json()

    assert "itch_score" not in body["facts"]


def test_a_worrying_fact_raises_the_level_and_takes_the_medicines_away(as_ama: Any, path: str) -> None:
    body = as_ama.patch(path, {"facts": {"difficulty_breathing": True}}, format="json").json()

    assert body["triage"]["level"] == "emergency"
    assert body["recommendations"] == []
    assert Consultation.objects.get().triage_level == "emergency"
    assert not Recommendation.objects.filter(proposed=True).exists()


def test_an_allergy_excludes_what_was_proposed(as_ama: Any, path: str, opened: dict[str, Any]) -> None:
    before = {row["medication"] for row in opened["recommendations"]}

    body = as_ama.patch(path, {"patient": {"allergies": ["clotrimazole"]}}, format="json").json()

    assert body["patient"]["allergies"] == ["clotrimazole"]
    assert body["patient"]["age_months"] == 84  # the rest of the patient stays
    after = {row["medication"] for row in body["recommendations"]}
    excluded = {row["medication"]: row["code"] for row in body["excluded"]}
    assert before - after
    assert all(excluded[name] == "allergy" for name in before - after)


def test_put_forgets_what_is_left_out(as_ama: Any, path: str) -> None:
    body = as_ama.put(path, {"patient": {"age_months": 90}, "facts": {"fever": True}}, format="json").json()

    assert body["patient"]["age_months"] == 90
    assert body["patient"]["sex"] is None
    assert body["patient"]["allergies"] == []
    assert body["facts"] == {"fever": True}
    assert body["findings"] == {"present": [], "absent": []}
    assert body["notes"] == ""
    assert body["consent"]["photo"] is False


def test_put_keeps_a_decision_that_it_does_not_name(as_ama: Any, path: str) -> None:
    as_ama.patch(path, {"decision": {"action": "advise"}}, format="json")

    body = as_ama.put(path, ringworm(), format="json").json()

    assert body["decision"]["action"] == "advise"


def test_findings_of_one_side_leave_the_other_alone(as_ama: Any, path: str) -> None:
    body = as_ama.patch(path, {"findings": {"absent": ["numb_patch", "pus_present"]}}, format="json").json()

    assert "ring_shaped" in body["findings"]["present"]
    assert body["findings"]["absent"] == ["numb_patch", "pus_present"]


def test_a_change_that_changes_nothing_writes_nothing(
    as_ama: Any, path: str, opened: dict[str, Any], events: Any
) -> None:
    events()

    body = as_ama.patch(path, {"facts": {"itch_score": 6}}, format="json").json()

    assert body == opened
    assert events() == ["consultation.read"]


def test_the_reference_of_the_phone_cannot_be_changed(as_ama: Any, path: str) -> None:
    answer = as_ama.patch(path, {"client_reference": "another"}, format="json")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "immutable"


def test_a_proposed_medicine_is_supplied_without_giving_a_reason(
    as_ama: Any, ama: Any, path: str, opened: dict[str, Any]
) -> None:
    name = proposed(opened)

    body = as_ama.patch(path, {"decision": {"action": "supply", "medications": [name]}}, format="json").json()

    assert body["decision"]["medications"] == [name]
    assert body["decision"]["override_reason"] == ""
    assert body["decision"]["decided_by"] == str(ama.pk)
    assert body["decision"]["decided_at"].endswith("Z")


def test_a_medicine_that_was_not_proposed_needs_a_reason(
    as_ama: Any, path: str, opened: dict[str, Any]
) -> None:
    from medications.selectors import current_formulary

    _, formulary = current_formulary()
    known = {row["medication"] for row in opened["recommendations"]}
    other = next(name for name in formulary.medications if name not in known)
    decision = {"action": "supply", "medications": [other]}

    without = as_ama.patch(path, {"decision": decision}, format="json")
    given = as_ama.patch(
        path, {"decision": {**decision, "override_reason": "Prescription of Dr Mensah shown."}}, format="json"
    )

    assert without.status_code == 422
    assert without.json()["code"] == "override_reason_required"
    assert other in without.json()["detail"]
    assert given.status_code == 200


def test_not_referring_an_urgent_patient_needs_a_reason(as_ama: Any) -> None:
    case = as_ama.post(CONSULTATIONS, breathless(), format="json").json()
    path = f"{CONSULTATIONS}/{case['id']}"

    assert as_ama.patch(path, {"decision": {"action": "advise"}}, format="json").status_code == 422
    assert as_ama.patch(path, {"decision": {"action": "refer"}}, format="json").status_code == 200


def test_the_decision_is_judged_by_the_facts_of_the_same_request(
    as_ama: Any, path: str, opened: dict[str, Any]
) -> None:
    change = {
        "facts": {"difficulty_breathing": True},
        "decision": {"action": "supply", "medications": [proposed(opened)]},
    }

    assert as_ama.patch(path, change, format="json").status_code == 422
    assert as_ama.get(path).json()["etag"] == "1"  # and the fact was not kept either


@pytest.mark.parametrize(
    ("decision", "field", "code"),
    [
        ({"action": "supply"}, "decision.medications", "required"),
        ({"action": "refer", "medications": ["x"]}, "decision.medications", "not_allowed"),
        ({"action": "supply", "medications": ["snake-oil"]}, "decision.medications.0", "unknown_medication"),
        ({"action": "operate"}, "decision.action", "invalid_choice"),
        ({}, "decision.action", "required"),
        ({"action": "refer", "by": "me"}, "decision.by", "unknown_field"),
    ],
)
def test_a_decision_that_makes_no_sense_is_refused(
    as_ama: Any, path: str, decision: Any, field: str, code: str
) -> None:
    answer = as_ama.patch(path, {"decision": decision}, format="json")

    assert answer.status_code == 400, answer.json()
    assert {"field": field, "code": code} in [
        {"field": e["field"], "code": e["code"]} for e in answer.json()["errors"]
    ]


def test_an_outcome_closes_the_consultation(as_ama: Any, path: str, events: Any) -> None:
    events()

    body = as_ama.patch(path, {"outcome": {"result": "resolved", "note": "Clear."}}, format="json").json()

    assert body["state"] == "closed"
    assert body["closed_at"]
    assert body["outcome"] == {"result": "resolved", "note": "Clear."}
    assert events() == ["consultation.updated", "recommendation.made", "consultation.closed"]


def test_a_bare_word_is_an_outcome_too(as_ama: Any, path: str) -> None:
    assert (
        as_ama.patch(path, {"outcome": "referred"}, format="json").json()["outcome"]["result"] == "referred"
    )


def test_a_closed_consultation_takes_nothing_any_more(as_ama: Any, photographed: dict[str, Any]) -> None:
    from tests.consultations.cases import SKIN, upload

    path = f"{CONSULTATIONS}/{photographed['id']}"
    assert as_ama.patch(path, {"outcome": "resolved"}, format="json").status_code == 200

    answers = [
        as_ama.patch(path, {"notes": "more"}, format="json"),
        as_ama.put(path, ringworm(), format="json"),
        as_ama.post(f"{path}/images", {"image": upload(seed=4)}, format="multipart"),
        as_ama.post(
            SKIN,
            {"consultation": photographed["id"], "image": photographed["images"][0]["id"]},
            format="json",
        ),
    ]

    assert {(each.status_code, each.json()["code"]) for each in answers} == {(409, "consultation_closed")}
    assert as_ama.get(path).status_code == 200


def test_a_stale_copy_is_not_written_over_a_newer_one(as_ama: Any, path: str, opened: dict[str, Any]) -> None:
    mine = {"HTTP_IF_MATCH": f'"{opened["etag"]}"'}

    first = as_ama.patch(path, {"notes": "one"}, format="json", **mine)
    second = as_ama.patch(path, {"notes": "two"}, format="json", **mine)

    assert first.status_code == 200
    assert second.status_code == 412
    assert as_ama.get(path).json()["notes"] == "one"


def test_without_if_match_the_write_is_taken(as_ama: Any, path: str) -> None:
    as_ama.patch(path, {"notes": "one"}, format="json")

    assert as_ama.patch(path, {"notes": "two"}, format="json").status_code == 200


def test_a_colleague_carries_on_and_is_named_in_the_log(
    path: str, opened: dict[str, Any], kofi: Any, as_user: Any
) -> None:
    from accounts.audit.models import AuditEvent

    answer = as_user(kofi).patch(path, {"notes": "Seen by Kofi."}, format="json")

    assert answer.status_code == 200
    assert answer.json()["pharmacist"]["id"] == opened["pharmacist"]["id"]
    assert AuditEvent.objects.get(action="consultation.updated").actor_id == str(kofi.pk)


def test_every_change_is_recorded_without_the_values(as_ama: Any, path: str, events: Any) -> None:
    from accounts.audit.models import AuditEvent

    events()

    as_ama.patch(path, {"notes": "Secretly diabetic", "decision": {"action": "advise"}}, format="json")

    assert events() == ["consultation.updated", "recommendation.made", "decision.recorded"]
    event = AuditEvent.objects.get(action="consultation.updated")
    assert '"notes"' in event.canonical_json
    assert "Secretly" not in event.canonical_json


def test_an_unknown_working_diagnosis_is_refused(as_ama: Any, path: str) -> None:
    answer = as_ama.patch(path, {"working_diagnosis": "bad-humours"}, format="json")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "unknown_condition"


@pytest.mark.django_db(transaction=True)
def test_two_people_who_write_at_once_both_count(as_ama: Any, path: str) -> None:
    from django.db import connection

    if connection.vendor == "sqlite":
        pytest.skip("the tests' SQLite lives in memory, where two connections share one lock")
    answers: list[int] = []

    def write(name: str) -> None:
        try:
            answers.append(as_ama.patch(path, {"facts": {name: True}}, format="json").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(name,)) for name in ("diabetes", "night_itch")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200, 200]
    body = as_ama.get(path).json()
    assert body["facts"]["diabetes"] is True
    assert body["facts"]["night_itch"] is True
    assert body["etag"] == "3"


def test_two_diagnoses_at_once_are_refused(as_ama: Any, path: str) -> None:
    both = {"working_diagnosis": "tinea-corporis", "facts": {"condition": "scabies"}}

    answer = as_ama.patch(path, both, format="json")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "facts.condition"
    assert answer.json()["errors"][0]["code"] == "contradiction"


def test_a_later_working_diagnosis_replaces_one_among_the_facts(as_ama: Any, path: str) -> None:
    as_ama.patch(path, {"working_diagnosis": None, "facts": {"condition": "scabies"}}, format="json")

    body = as_ama.patch(path, {"working_diagnosis": "tinea-corporis"}, format="json").json()

    assert body["recommended_for"] == "tinea-corporis"
    assert "condition" not in body["facts"]
