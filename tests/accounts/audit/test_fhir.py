"""An export as FHIR AuditEvents."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from fhir.resources.R4B import get_fhir_model_class

from accounts.audit import Action, Outcome, Purpose, jobs
from accounts.audit.fhir import audit_event
from accounts.audit.models import AuditEvent
from accounts.audit.recorder import record
from accounts.audit.selection import Selection
from dermatech.core import context
from dermatech.core.ids import uuid7

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
# http://hl7.org/fhir/R4/valueset-audit-event-type.html (DICOM part), typed by hand.
DICOM = {"110100", "110101", "110106", "110110", "110113", "110114", "110127", "110137", "110138"}
REASONS = {"TREAT", "HOPERAT", "HSYSADMIN", "HQUALIMP", "HCOMPL", "PATRQT", "BTG"}


def valid(resource: dict[str, Any]) -> None:
    get_fhir_model_class("AuditEvent").model_validate(resource)
    assert resource["action"] in "CRUDE"
    assert resource["outcome"] in ("0", "4", "8")
    assert resource["type"]["code"] in DICOM
    assert {each["coding"][0]["code"] for each in resource["purposeOfEvent"]} <= REASONS


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_action_for_every_purpose_is_a_valid_audit_event(ama: Any, outcome: Outcome) -> None:
    patient = uuid7()
    here = context.RequestContext(request_id="r-1", address="192.0.2.7", user_agent="phone", device="d")
    with transaction.atomic(), context.bound(here):
        for place, action in enumerate(Action):
            purpose = list(Purpose)[place % len(Purpose)]
            record(
                actor=ama if place % 3 else None, action=action, outcome=outcome, purpose=purpose,
                entity=("consultations.photo", str(patient)) if place % 2 else None,
                patient=patient if place % 2 else None, changes={"age_months": 84},
                detail={"photos": 1, "retry": True, "nothing": None},
            )  # fmt: skip
    rows = AuditEvent.objects.filter(request_id="r-1")
    assert rows.count() == len(Action)
    for row in rows:
        resource = audit_event(json.loads(row.canonical_json))
        valid(resource)
        assert resource["subtype"][0]["code"] == row.action
        assert "84" not in [each["valueString"] for each in resource["entity"][0]["detail"]]


def test_an_auditor_fetches_an_export_as_fhir(
    write: Callable[..., list[Any]], as_user: Any, efua: Any, ama: Any, key: str
) -> None:
    patient = uuid7()
    write(3, actor=ama, action=Action.PHOTO_READ, patient=patient)
    jobs.request_export(actor=efua, selection=Selection(action="photo.read"))
    assert jobs.make_due() == 1
    (export,) = as_user(efua).get("/api/v1/audit/exports").json()["results"]
    answer = as_user(efua).get(f"/api/v1/audit/exports/{export['id']}/fhir")
    assert answer["Content-Type"] == "application/fhir+ndjson"
    lines = b"".join(answer.streaming_content).splitlines()
    assert len(lines) == export["events"] == 3
    for line in lines:
        resource = json.loads(line)
        valid(resource)
        assert resource["agent"][0]["who"]["identifier"]["value"] == str(ama.pk)
        assert resource["entity"][-1]["what"]["identifier"]["value"] == f"urn:uuid:{patient}"
    assert AuditEvent.objects.filter(action="audit.downloaded").count() == 1
