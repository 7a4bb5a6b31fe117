"""Values may go, lawfully; the proof stays and says so."""

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.audit import verifier
from accounts.audit.erasure import disclose, erase_before, erase_patient
from accounts.audit.models import AuditDisclosure, AuditEvent
from dermatech.core.errors import Forbidden, NotFound
from dermatech.core.ids import uuid7

pytestmark = pytest.mark.one_database
Writer = Callable[..., list[Any]]


def notes(folder: Path, key: str) -> str:
    report = verifier.verify(str(folder), verifier.Key(key), table=True).as_dict()
    assert report["verdict"] == "intact", report
    return " ".join(report["notes"])


def test_a_patients_values_are_erased_and_the_proof_says_so(
    write: Writer, bundle: Callable[..., Path], adjoa: Any, key: str
) -> None:
    patient, other = uuid7(), uuid7()
    write(3, patient=patient, changes={"initials": "AB"})
    write(2, patient=other, changes={"initials": "CD"})
    assert "erased" not in notes(bundle(1, name="before"), key)
    assert erase_patient(actor=adjoa, patient=patient, reason="Asked for on 3 May.") == 3
    assert AuditDisclosure.objects.count() == 2
    said = notes(bundle(1, name="after"), key)
    assert f"the recorded values of 3 events about the patient {patient}" in said
    assert "by Adjoa Darko" in said
    assert '"Asked for on 3 May."' in said
    assert erase_patient(actor=adjoa, patient=patient, reason="Again.") == 0
    assert AuditEvent.objects.filter(action="audit.erased").count() == 1


def test_what_is_old_is_erased_in_one_go(
    write: Writer, bundle: Callable[..., Path], adjoa: Any, key: str
) -> None:
    write(4, patient=uuid7(), changes={"notes": "x"})
    assert erase_before(actor=adjoa, moment=timezone.now() - timedelta(days=1), reason="Too early.") == 0
    assert erase_before(actor=adjoa, moment=timezone.now(), reason="Two years are over.") == 4
    assert "of 4 events, all before 20" in notes(bundle(1), key)


def test_only_administrators_erase_and_disclose(write: Writer, efua: Any, yaw: Any) -> None:
    (event,) = write(1, patient=uuid7(), changes={"notes": "x"})
    for person in (efua, yaw):
        with pytest.raises(Forbidden):
            erase_before(actor=person, moment=timezone.now(), reason="No.")
        with pytest.raises(Forbidden):
            disclose(actor=person, event_id=event.pk, reason="No.")
    assert AuditDisclosure.objects.count() == 1


def test_disclosed_values_fit_their_commitments_and_the_disclosure_is_an_event(
    write: Writer, adjoa: Any
) -> None:
    (event,) = write(1, patient=uuid7(), changes={"initials": "AB", "age_months": 84})
    opened = disclose(actor=adjoa, event_id=event.pk, reason="Complaint 17.")
    assert {field: one["value"] for field, one in opened.items()} == {"initials": "AB", "age_months": 84}
    assert all(one["fits"] for one in opened.values())
    told = AuditEvent.objects.get(action="audit.disclosed")
    assert json.loads(told.canonical_json)["detail"] == {
        "reason": "Complaint 17.", "fields": "age_months initials",
    }  # fmt: skip
    erase_before(actor=adjoa, moment=timezone.now(), reason="Over.")
    with pytest.raises(NotFound):
        disclose(actor=adjoa, event_id=event.pk, reason="Complaint 17.")


def test_the_commands_do_the_same(write: Writer, adjoa: Any) -> None:
    (event,) = write(1, patient=uuid7(), changes={"initials": "AB"})
    why = {"by": adjoa.email, "reason": "A test."}
    out = StringIO()
    call_command("disclose_audit_values", str(event.pk), stdout=out, **why)
    assert json.loads(out.getvalue())["initials"]["value"] == "AB"
    out = StringIO()
    call_command("erase_audit_values", patient=event.patient_id, stdout=out, **why)
    assert out.getvalue() == "Erased the recorded values of 1 events.\n"
    call_command("erase_audit_values", before="2020-01-01", stdout=out, **why)
    with pytest.raises(CommandError, match="no account"):
        call_command("erase_audit_values", before="2020-01-01", by="nobody@nowhere.example", reason="x")
    with pytest.raises(CommandError, match="no recorded values"):
        call_command("disclose_audit_values", str(event.pk), **why)
