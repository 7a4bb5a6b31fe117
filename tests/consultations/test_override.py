"""Choosing otherwise than advised: with a reason, by pharmacists, recorded, listed for supervisors."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.consultations.cases import CONSULTATIONS, ringworm

pytestmark = pytest.mark.django_db
EXCLUDED, HIDDEN = "terbinafine-1-cream", "fluconazole-50-tablet"
REASON = "Prescription of Dr Mensah shown."


@pytest.fixture
def path(opened: dict[str, Any]) -> str:
    return f"{CONSULTATIONS}/{opened['id']}"


def supply(client: Any, path: str, *medications: str, reason: str = REASON) -> Any:
    decision = {"action": "supply", "medications": list(medications), "override_reason": reason}
    return client.patch(path, {"decision": decision}, format="json")


def test_an_override_keeps_what_it_went_against_and_the_rule(
    as_ama: Any, path: str, opened: dict[str, Any]
) -> None:
    (row,) = (row for row in opened["excluded"] if row["medication"] == EXCLUDED)

    decision = supply(as_ama, path, EXCLUDED).json()["decision"]

    assert decision["overridden"] is True
    assert decision["overrides"] == [{"medication": EXCLUDED, "code": row["code"], "rule": row["rule"]}]
    assert decision["against"] == f"Not proposed for this patient: {EXCLUDED} ({row['code']})."
    assert decision["override_reason"] == REASON


def test_a_medicine_of_another_class_is_an_override_with_its_legal_class_as_the_rule(
    as_ama: Any, path: str
) -> None:
    adult = {"patient": {**ringworm()["patient"], "age_months": 400}, "working_diagnosis": "tinea-corporis"}
    assert as_ama.patch(path, adult, format="json").status_code == 200

    (found,) = supply(as_ama, path, HIDDEN).json()["decision"]["overrides"]

    assert found == {"medication": HIDDEN, "code": "legal_class", "rule": f"medications.{HIDDEN}.legal_class"}


def test_an_override_is_audited_with_its_codes(as_ama: Any, path: str) -> None:
    from accounts.audit.models import AuditEvent

    decision = supply(as_ama, path, EXCLUDED).json()["decision"]

    event = json.loads(AuditEvent.objects.get(action="decision.recorded").canonical_json)
    assert event["detail"]["overridden"] is True
    assert event["detail"]["override_codes"] == decision["overrides"][0]["code"]


def test_a_reason_alone_makes_no_override(as_ama: Any, path: str, opened: dict[str, Any]) -> None:
    name = next(row["medication"] for row in opened["recommendations"] if row["may_supply"])

    decision = supply(as_ama, path, name, reason="She asked for this one.").json()["decision"]

    assert (decision["overridden"], decision["against"], decision["overrides"]) == (False, "", [])


def test_only_a_pharmacist_supplies_what_is_not_proposed(
    as_user: Callable[[Any], Any], kofi: Any, path: str, opened: dict[str, Any]
) -> None:
    technician = as_user(kofi)

    refused = supply(technician, path, EXCLUDED)

    assert (refused.status_code, refused.json()["code"]) == (403, "override_not_allowed")
    assert technician.get(path).json()["decision"] is None
    name = next(row["medication"] for row in opened["recommendations"] if row["may_supply"])
    assert supply(technician, path, name, reason="").status_code == 200


def test_supervisors_list_the_decisions_against_the_advice(
    as_ama: Any, path: str, opened: dict[str, Any], yaw: Any
) -> None:
    other = as_ama.post(CONSULTATIONS, {**ringworm(), "client_reference": "second"}, format="json").json()
    name = next(row["medication"] for row in other["recommendations"] if row["may_supply"])
    supply(as_ama, f"{CONSULTATIONS}/{other['id']}", name, reason="")
    supply(as_ama, path, EXCLUDED)
    client, listed = Client(), reverse("admin:consultations_consultation_changelist")
    client.force_login(yaw)

    against = client.get(listed, {"advice": "against"}).content.decode()
    followed = client.get(listed, {"advice": "followed"}).content.decode()

    assert "Supply (against the advice)" in against
    assert (opened["id"] in against, other["id"] in against) == (True, False)
    assert (opened["id"] in followed, other["id"] in followed) == (False, True)
    page = client.get(
        reverse("admin:consultations_consultation_change", args=[opened["id"]])
    ).content.decode()
    assert REASON in page
    assert f"The advice was: Not proposed for this patient: {EXCLUDED}" in page


def test_the_consultation_says_no_antibiotic_and_treats_the_household(as_ama: Any) -> None:
    plain = as_ama.post(
        CONSULTATIONS, {**ringworm(), "working_diagnosis": "tinea-corporis"}, format="json"
    ).json()
    assert plain["no_antibiotic"]["title"] == "No antibiotic today"
    assert plain["household"] is None
    scabies = as_ama.post(
        CONSULTATIONS,
        {**ringworm(), "client_reference": "s", "findings": [], "working_diagnosis": "scabies"},
        format="json",
    ).json()
    assert scabies["household"]["people"][0]["who"] == "12 years and over"
