"""What a patient may ask for, at the desk: seen before it happens, proved again, written down."""

import io
import json
import uuid
import zipfile
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.audit.models import AuditDisclosure, AuditEvent
from accounts.models import User
from consultations.models import Consultation, Photo
from consultations.services import retention
from consultations.services.worker import run_analysis
from tests.cast import PASSWORD

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
YES = {"confirmed": "yes", "reason": "The mother asked at the counter."}


@pytest.fixture
def case(photographed: dict[str, Any]) -> Consultation:
    run_analysis(uuid.UUID(photographed["analysis"]["id"]))
    return Consultation.objects.get()


def at_the_desk(person: Any, *, proved: bool = True) -> Client:
    client = Client()
    assert client.login(username=person.email, password=PASSWORD)
    if proved:
        session = client.session
        session["proved_at"] = timezone.now().timestamp()
        session.save()
    return client


def there(case: Consultation, step: str = "") -> str:
    name = "admin:consultations_consultation_privacy"
    return reverse(f"{name}_step", args=[case.pk, step]) if step else reverse(name, args=[case.pk])


def test_the_page_says_what_would_go_and_what_stays_and_changes_nothing(
    case: Consultation, adjoa: Any
) -> None:
    desk = at_the_desk(adjoa)
    record = desk.get(reverse("admin:consultations_consultation_change", args=[case.pk])).content.decode()
    assert "Patient&#x27;s rights" in record or "Patient's rights" in record
    page = desk.get(there(case)).content.decode()
    for said in ("1 photo", "the initials", "the notes", "what was advised, decided and supplied", "Act 843"):
        assert said in page
    for step in ("withdraw", "erase"):
        asked = desk.get(there(case, step)).content.decode()
        assert "These go for good: 1 photo" in asked
        assert "These stay, as the law asks" in asked
    assert Photo.objects.count() == 1
    assert Consultation.objects.get().notes


def test_consent_is_taken_back_with_a_reason(case: Consultation, adjoa: Any) -> None:
    desk = at_the_desk(adjoa)
    nothing_said = desk.post(there(case, "withdraw"), {"confirmed": "yes", "reason": " "})
    assert nothing_said.status_code == 200
    assert Photo.objects.exists()
    answer = desk.post(there(case, "withdraw"), YES, follow=True)
    assert "Consent was taken back: 1 photo" in answer.content.decode()
    assert "Nothing is left that names the patient" in answer.content.decode()
    row = Consultation.objects.get()
    assert (row.notes, row.initials, row.consent_photo, row.consent_data_use) == ("", "", False, False)
    assert not Photo.objects.exists()
    event = AuditEvent.objects.get(canonical_json__contains="consent withdrawn")
    assert (event.actor_id, event.patient_id) == (str(adjoa.pk), case.pk)


def test_erasure_takes_the_values_behind_the_log_too(case: Consultation, adjoa: Any) -> None:
    assert AuditDisclosure.objects.filter(patient_id=case.pk).exists()
    answer = at_the_desk(adjoa).post(there(case, "erase"), YES, follow=True)
    assert "Erased: 1 photo" in answer.content.decode()
    assert not AuditDisclosure.objects.filter(
        patient_id=case.pk, event__action="consultation.created"
    ).exists()
    assert AuditEvent.objects.filter(action="audit.erased").exists()


def test_the_copy_is_one_file_with_record_and_photos(case: Consultation, yaw: Any) -> None:
    desk = at_the_desk(yaw)
    assert "Download the copy" in desk.get(there(case, "copy")).content.decode()
    answer = desk.post(there(case, "copy"), {"confirmed": "yes"})
    assert answer["Content-Type"] == "application/zip"
    assert "no-store" in answer["Cache-Control"]
    assert "attachment" in answer["Content-Disposition"]
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    record = json.loads(archive.read("record.json"))
    photo = Photo.objects.get()
    assert record["patient"]["initials"] == "AB"
    assert sorted(archive.namelist()) == sorted(["about.txt", "record.json", f"{photo.pk}.{photo.format}"])
    assert AuditEvent.objects.filter(patient_id=case.pk, canonical_json__contains="for the patient").exists()


def test_every_step_asks_again_who_sits_there(case: Consultation, adjoa: Any, settings: Any) -> None:
    settings.ADMIN_PROOF_SECONDS = 300
    desk = at_the_desk(adjoa, proved=False)
    for step in ("copy", "withdraw", "erase"):
        for answer in (desk.get(there(case, step)), desk.post(there(case, step), YES)):
            assert answer["Location"].startswith("/admin/confirm/")
    assert Photo.objects.exists()


def test_who_may(case: Consultation, yaw: Any, efua: Any, adjoa: Any, ama: Any) -> None:
    places = [there(case), *(there(case, step) for step in ("copy", "withdraw", "erase", "fly"))]

    def got(person: Any) -> list[int]:
        return [at_the_desk(person).get(place).status_code for place in places]

    assert got(adjoa) == [200, 200, 200, 200, 404]
    assert got(yaw) == [200, 200, 404, 404, 404]
    User.objects.filter(pk=yaw.pk).update(supervised_region="volta")
    assert got(yaw) == [403, 404, 404, 404, 404]  # as of one that does not exist
    assert got(efua) == [403, 404, 404, 404, 404]
    assert got(ama) == [302] * 5


# --- the time limit ------------------------------------------------------------------------------
RETENTION = "/admin/consultations/consultation/retention/"


def old(case: Consultation) -> None:
    Consultation.objects.update(created_at=timezone.now() - timedelta(days=400))


def test_a_worker_takes_pictures_away_once_a_day_and_writes_its_report_down(
    case: Consultation, settings: Any
) -> None:
    old(case)
    retention.run_when_due()  # no limit is set: everything is kept
    assert (Photo.objects.count(), retention.runs()) == (1, [])
    settings.PHOTO_RETENTION_DAYS = 365
    assert (retention.due().consultations, retention.due().photos) == (1, 1)
    retention.run_when_due()
    retention.run_when_due()
    [run] = retention.runs()
    assert (run.by, run.said["consultations"], run.said["photos"], run.said["postponed"]) == (
        "System",
        1,
        1,
        0,
    )
    assert not Photo.objects.exists()
    with time_machine.travel(timezone.now() + timedelta(hours=21), tick=False):
        retention.run_when_due()
    assert [run.said["photos"] for run in retention.runs()] == [0, 1]


def test_an_administrator_sees_what_is_due_does_it_now_and_reads_the_report(
    case: Consultation, adjoa: Any, yaw: Any, settings: Any
) -> None:
    desk = at_the_desk(adjoa)
    assert "There is none" in desk.get(RETENTION).content.decode()
    settings.PHOTO_RETENTION_DAYS = 365
    old(case)
    page = desk.get(RETENTION).content.decode()
    assert "Due at this moment: 1 photo and 0 heat\n" in page
    assert "No run yet" in page
    assert "1 photos, 0 heat maps" in desk.get(f"{RETENTION}now").content.decode()
    assert Photo.objects.exists()
    done = desk.post(f"{RETENTION}now", {"confirmed": "yes"}, follow=True).content.decode()
    assert "1 photos of 1 consultations were taken away." in done
    assert "Adjoa Darko" in done
    assert not Photo.objects.exists()
    supervisor = at_the_desk(yaw)
    assert [supervisor.get(p).status_code for p in (RETENTION, f"{RETENTION}now")] == [403, 404]
