"""What a patient may ask for: a copy, consent taken back, erasure; and the limit of time."""

import json
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.audit.models import AuditDisclosure, AuditEvent
from accounts.models import IdempotencyRecord
from consultations.models import Analysis, Consultation, Photo
from consultations.services import erasure
from consultations.services.worker import run_analysis
from dermatech.core.errors import Conflict, Forbidden, ValidationFailed
from tests.consultations.cases import CONSULTATIONS, ringworm

pytestmark = pytest.mark.django_db


@pytest.fixture
def case(photographed: dict[str, Any]) -> Consultation:
    """Ama's consultation with a photo and a finished analysis."""
    run_analysis(uuid.UUID(photographed["analysis"]["id"]))
    return Consultation.objects.get()


def _files() -> list[str]:
    photo = Photo.objects.get()
    return [str(photo.file.name), str(photo.thumbnail.name)]


def test_what_will_go_and_what_stays_is_said_first(case: Consultation, capsys: Any) -> None:
    call_command("patient_data", "show", str(case.pk))
    said = capsys.readouterr().out
    assert "These will go: 1 photos, 0 heat maps; initials, notes." in said
    assert "what was advised" in said
    assert Photo.objects.count() == 1


def test_withdrawn_consent_takes_pictures_and_names_and_keeps_the_advice(
    case: Consultation, adjoa: Any, as_ama: Any, events: Any, django_capture_on_commit_callbacks: Any
) -> None:
    before, files = as_ama.get(f"{CONSULTATIONS}/{case.pk}"), _files()
    events()
    with django_capture_on_commit_callbacks(execute=True):
        erasure.withdraw_consent(actor=adjoa, consultation=case, reason="The mother asked.")
    assert not any(default_storage.exists(name) for name in files)
    after = as_ama.get(f"{CONSULTATIONS}/{case.pk}")
    body = after.json()
    assert after.status_code == 200
    assert after["ETag"] != before["ETag"]
    assert (body["images"], body["notes"], body["patient"]["initials"]) == ([], "", "")
    assert body["consent"]["photo"] is body["consent"]["data_use"] is False
    assert body["triage"]["level"] == before.json()["triage"]["level"]
    assert body["recommendations"] == before.json()["recommendations"]
    assert events()[0] == "consultation.updated"
    assert AuditEvent.objects.filter(canonical_json__contains="PATRQT").count() == 1


def test_erasure_takes_the_values_behind_the_log_and_the_kept_answers_too(
    ama: Any, as_ama: Any, adjoa: Any
) -> None:
    key = {"HTTP_IDEMPOTENCY_KEY": "once"}
    opened = as_ama.post(CONSULTATIONS, ringworm(), format="json", **key).json()
    case = Consultation.objects.get()
    assert AuditDisclosure.objects.filter(patient_id=case.pk).exists()
    assert IdempotencyRecord.objects.exists()
    erasure.erase(actor=adjoa, consultation=case, reason="The patient asked.")
    assert not AuditDisclosure.objects.filter(patient_id=case.pk).exists()
    assert not IdempotencyRecord.objects.exists()
    assert AuditEvent.objects.filter(patient_id=case.pk, action="consultation.created").exists()
    assert as_ama.get(f"{CONSULTATIONS}/{opened['id']}").status_code == 200


@pytest.mark.parametrize("who", ["ama", "esi", "yaw", "efua"])
def test_only_administrators_erase(who: str, case: Consultation, request: pytest.FixtureRequest) -> None:
    with pytest.raises(Forbidden):
        erasure.erase(actor=request.getfixturevalue(who), consultation=case, reason="No.")
    assert Photo.objects.count() == 1


def test_nothing_is_erased_without_a_reason_or_under_a_running_analysis(
    case: Consultation, adjoa: Any
) -> None:
    with pytest.raises(ValidationFailed):
        erasure.erase(actor=adjoa, consultation=case, reason=" ")
    Analysis.objects.update(status="queued", finished_at=None)
    with pytest.raises(Conflict):
        erasure.erase(actor=adjoa, consultation=case, reason="The patient asked.")
    assert Photo.objects.count() == 1


def test_the_patient_gets_a_copy(case: Consultation, adjoa: Any, tmp_path: Path, events: Any) -> None:
    events()
    call_command("patient_data", "export", str(case.pk), by=adjoa.email, out=str(tmp_path / "copy"))
    held = json.loads((tmp_path / "copy" / "record.json").read_text())
    assert held["patient"]["initials"] == "AB"
    assert len(list((tmp_path / "copy").glob("*.jpeg")) + list((tmp_path / "copy").glob("*.webp"))) == 1
    assert events() == ["consultation.read"]
    with pytest.raises(CommandError, match="not empty"):
        call_command("patient_data", "export", str(case.pk), by=adjoa.email, out=str(tmp_path / "copy"))
    with pytest.raises(CommandError, match="no such consultation"):
        call_command("patient_data", "show", "nonsense")
    with pytest.raises(CommandError, match="administrator"):
        call_command("patient_data", "erase", str(case.pk), by="nobody@x.example")


def test_pictures_go_when_they_were_kept_long_enough(case: Consultation, settings: Any, capsys: Any) -> None:
    settings.PHOTO_RETENTION_DAYS = 730
    call_command("apply_retention")
    assert "0 photos" in capsys.readouterr().out
    Consultation.objects.update(created_at=timezone.now() - timedelta(days=731))
    call_command("apply_retention", dry_run=True)
    assert "1 photos and 0 heat maps of 1 consultations would go" in capsys.readouterr().out
    assert Photo.objects.count() == 1
    call_command("apply_retention")
    assert "1 photos and 0 heat maps of 1 consultations went" in capsys.readouterr().out
    assert Photo.objects.count() == 0
    case.refresh_from_db()
    assert (case.initials, case.notes, case.consent_photo) == ("", "", True)
    settings.PHOTO_RETENTION_DAYS = 0
    call_command("apply_retention")
    assert "everything is kept" in capsys.readouterr().out
