"""Opening a consultation: with and without photos, in every form that a phone may send."""

import json
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, default_storage

from consultations.models import Analysis, Consultation, Photo, Recommendation
from tests.consultations.cases import CONSULTATIONS, a_photo, breathless, ringworm, upload

pytestmark = pytest.mark.django_db


def nothing_was_written() -> bool:
    return not (Consultation.objects.exists() or Photo.objects.exists() or Analysis.objects.exists())


def test_a_consultation_without_a_photo_is_answered_with_triage_and_medicines(as_ama: Any) -> None:
    answer = as_ama.post(CONSULTATIONS, ringworm(), format="json")

    assert answer.status_code == 201
    body = answer.json()
    assert answer["Location"] == f"/api/v1/consultations/{body['id']}"
    assert answer["ETag"] == f'"{body["etag"]}"'
    assert body["triage"]["level"] == "pharmacy_treatment"
    assert body["triage"]["rules"][0]["because"]
    assert [row["medication"] for row in body["recommendations"]]
    assert all(row["dose"] and row["counselling"] for row in body["recommendations"])
    assert body["conditions"][0]["condition"] == "tinea-corporis"
    assert body["releases"]["guidelines"]["review_state"] == "starter_unreviewed"
    assert "starter content" in body["disclaimer"]
    assert body["images"] == []
    assert body["analysis"] is None


def test_what_was_sent_comes_back_unchanged(as_ama: Any) -> None:
    sent = ringworm(client_reference="phone-7/1")

    body = as_ama.post(CONSULTATIONS, sent, format="json").json()

    for name in (
        "client_reference",
        "patient",
        "consent",
        "presentation",
        "facts",
        "working_diagnosis",
        "notes",
    ):
        assert body[name] == sent[name], name
    assert {side: set(ids) for side, ids in body["findings"].items()} == {
        side: set(ids) for side, ids in sent["findings"].items()
    }


def test_an_almost_empty_consultation_is_taken_and_everything_else_is_unknown(as_ama: Any) -> None:
    answer = as_ama.post(CONSULTATIONS, {"patient": {}}, format="json")

    body = answer.json()
    assert answer.status_code == 201, body
    assert body["patient"]["age_months"] is None
    assert body["patient"]["pregnant"] is None
    assert body["triage"]["level"] == "refer_routine"  # no rule fired
    assert body["triage"]["provisional"] is True
    assert body["recommendations"] == []


def test_an_emergency_gets_no_medicine(as_ama: Any) -> None:
    body = as_ama.post(CONSULTATIONS, breathless(), format="json").json()

    assert body["triage"]["level"] == "emergency"
    assert body["recommendations"] == []
    assert not Recommendation.objects.filter(proposed=True).exists()


def test_a_photo_is_stored_small_and_its_analysis_queued(photographed: dict[str, Any]) -> None:
    (image,) = photographed["images"]
    assert (image["width"], image["height"]) == (640, 480)
    assert image["bytes"] < 2_000_000
    assert image["ssim"] > 0.85
    assert image["format"] in ("jpeg", "webp")
    assert photographed["analysis"]["status"] == "queued"
    assert photographed["analysis"]["conditions"] == []

    photo = Photo.objects.get()
    assert default_storage.size(str(photo.file.name)) == image["bytes"] == photo.bytes
    assert default_storage.exists(str(photo.thumbnail.name))


def test_the_same_data_can_be_sent_as_flat_fields(as_ama: Any) -> None:
    flat = {
        "patient.age_months": "84",
        "patient.sex": "female",
        "patient.weight_kg": "22.5",
        "patient.pregnant": "false",
        "patient.allergies": ["penicillins", "latex"],
        "patient.initials": "12",
        "consent.photo": "true",
        "consent.given_by": "parent",
        "presentation": "rash",
        "facts.duration_days": "14",
        "facts.body_sites": ["trunk", "arms"],
        "facts.fever": "false",
        "findings.present": ["ring_shaped", "scaly_edge"],
        "findings.absent": "numb_patch",
        "notes": "true",
        "image": upload(),
    }

    answer = as_ama.post(CONSULTATIONS, flat, format="multipart")

    body = answer.json()
    assert answer.status_code == 201, body
    assert body["patient"]["age_months"] == 84
    assert body["patient"]["weight_kg"] == 22.5
    assert body["patient"]["pregnant"] is False
    assert body["patient"]["allergies"] == ["penicillins", "latex"]
    assert body["patient"]["initials"] == "12"  # a text stays one
    assert body["notes"] == "true"
    assert body["facts"] == {"duration_days": 14, "body_sites": ["trunk", "arms"], "fever": False}
    assert body["findings"] == {"present": ["ring_shaped", "scaly_edge"], "absent": ["numb_patch"]}
    assert len(body["images"]) == 1


def test_an_empty_choice_of_a_form_is_a_choice_not_made(as_ama: Any) -> None:
    flat = {"patient.age_months": "", "patient.sex": "", "presentation": "", "facts.fever": ""}

    answer = as_ama.post(CONSULTATIONS, flat, format="multipart")

    assert answer.status_code == 201, answer.content
    assert answer.json()["presentation"] == "other"
    assert answer.json()["patient"]["sex"] is None
    assert answer.json()["facts"] == {}


def test_a_bare_list_of_findings_is_taken_as_present(as_ama: Any) -> None:
    body = as_ama.post(CONSULTATIONS, ringworm(findings=["ring_shaped"]), format="json").json()

    assert body["findings"] == {"present": ["ring_shaped"], "absent": []}


def test_facts_about_the_person_are_kept_with_the_person(as_ama: Any) -> None:
    body = as_ama.post(
        CONSULTATIONS,
        {"patient": {}, "facts": {"age_months": 84, "sex": "female", "fever": True}},
        format="json",
    ).json()

    assert body["patient"]["age_months"] == 84
    assert body["patient"]["sex"] == "female"
    assert body["facts"] == {"fever": True}


def test_a_fact_that_contradicts_the_patient_is_refused(as_ama: Any) -> None:
    answer = as_ama.post(
        CONSULTATIONS, {"patient": {"age_months": 84}, "facts": {"age_months": 90}}, format="json"
    )

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "facts.age_months"
    assert answer.json()["errors"][0]["code"] == "contradiction"


def test_null_facts_are_unknown_and_not_stored(as_ama: Any) -> None:
    body = as_ama.post(CONSULTATIONS, ringworm(facts={"fever": None, "ulcer": False}), format="json").json()

    assert body["facts"] == {"ulcer": False}


def test_up_to_five_photos_can_come_along_and_a_double_is_kept_once(as_ama: Any) -> None:
    images = [upload(seed=1), upload(seed=2), upload(seed=1)]

    body = as_ama.post(
        CONSULTATIONS, {"data": json.dumps(ringworm()), "image": images}, format="multipart"
    ).json()

    assert len(body["images"]) == 2
    assert Analysis.objects.get().photos.count() == 2  # one analysis looks at all


def test_a_sixth_photo_refuses_the_whole(as_ama: Any) -> None:
    images = [upload(seed=n) for n in range(6)]

    answer = as_ama.post(CONSULTATIONS, {"data": json.dumps(ringworm()), "image": images}, format="multipart")

    assert answer.status_code == 400
    assert answer.json()["errors"][0] == {
        "field": "image",
        "code": "too_many_images",
        "message": "At most 5 photos can be sent.",
    }
    assert nothing_was_written()


def test_a_photo_without_consent_is_refused(as_ama: Any) -> None:
    body = ringworm(consent={"photo": False})

    answer = as_ama.post(CONSULTATIONS, {"data": json.dumps(body), "image": upload()}, format="multipart")

    assert answer.status_code == 422
    assert answer.json()["code"] == "consent_required"
    assert nothing_was_written()


@pytest.mark.parametrize(
    ("content", "name", "status", "code"),
    [
        (b"", "photo.jpg", 422, "image_unreadable"),
        (b"This is a letter, not a photo. " * 40, "photo.jpg", 415, "image_unsupported"),
        (b"%PDF-1.7\n" + b"0" * 4000, "scan.heic", 415, "image_unsupported"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "photo.png", 415, "image_unsupported"),
        (a_photo()[:9000], "photo.jpg", 422, "image_truncated"),
        (a_photo(size=(300, 200))[:0] + a_photo()[:4], "photo.jpg", 415, None),
    ],
    ids=["empty", "text named jpg", "pdf named heic", "svg", "cut in the middle", "four bytes"],
)
def test_a_file_that_is_no_photo_refuses_the_whole(
    as_ama: Any, events: Any, content: bytes, name: str, status: int, code: str | None
) -> None:
    events()

    answer = as_ama.post(
        CONSULTATIONS, {"data": json.dumps(ringworm()), "image": upload(content, name)}, format="multipart"
    )

    assert answer.status_code in (status, 422), answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    if code:
        assert answer.json()["code"] == code
    assert nothing_was_written()
    assert events() == ["photo.refused"]


def test_a_truncated_heic_is_refused_cleanly(as_ama: Any) -> None:
    import io

    import pillow_heif
    from PIL import Image

    pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    Image.open(io.BytesIO(a_photo())).save(buffer, format="HEIF", quality=60)
    cut = buffer.getvalue()[: len(buffer.getvalue()) // 2]

    answer = as_ama.post(
        CONSULTATIONS,
        {"data": json.dumps(ringworm()), "image": upload(cut, "photo.heic")},
        format="multipart",
    )

    assert answer.status_code == 422
    assert answer.json()["code"].startswith("image_")
    assert nothing_was_written()


def test_a_file_of_more_than_ten_megabytes_is_refused(as_ama: Any) -> None:
    huge = a_photo() + b"\0" * 10_000_001

    answer = as_ama.post(
        CONSULTATIONS, {"data": json.dumps(ringworm()), "image": upload(huge)}, format="multipart"
    )

    assert answer.status_code == 413
    assert answer.json()["code"] == "image_too_large_upload"


def test_one_bad_photo_among_good_ones_refuses_the_whole(as_ama: Any) -> None:
    images = [upload(seed=1), upload(b"no photo")]

    answer = as_ama.post(CONSULTATIONS, {"data": json.dumps(ringworm()), "image": images}, format="multipart")

    assert answer.status_code == 415
    assert nothing_was_written()


def test_a_photo_sent_as_a_text_field_is_refused(as_ama: Any) -> None:
    answer = as_ama.post(
        CONSULTATIONS, {"data": json.dumps(ringworm()), "image": "photo"}, format="multipart"
    )

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "image"


def test_a_store_that_fails_leaves_nothing_behind(as_ama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[str] = []
    save = FileSystemStorage.save

    def fail_on_the_second(self: Any, name: str, content: Any, **options: Any) -> str:
        if kept:
            raise OSError(28, "No space left on device")
        kept.append(save(self, name, content, **options))
        return kept[0]

    monkeypatch.setattr("django.core.files.storage.FileSystemStorage.save", fail_on_the_second)

    answer = as_ama.post(
        CONSULTATIONS, {"data": json.dumps(ringworm()), "image": upload()}, format="multipart"
    )

    assert answer.status_code == 503
    assert answer.json()["code"] == "storage_unavailable"
    assert "Retry-After" in answer
    assert nothing_was_written()
    assert not default_storage.exists(kept[0])


def test_a_transaction_that_fails_takes_the_files_with_it(
    as_ama: Any, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    from django.db import OperationalError

    def fail(**_: Any) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("consultations.services.analyses.queue", fail)

    answer = as_ama.post(
        CONSULTATIONS, {"data": json.dumps(ringworm()), "image": upload()}, format="multipart"
    )

    assert answer.status_code == 503
    assert nothing_was_written()
    assert [path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()] == []


def test_the_phones_reference_is_unique_per_person(as_ama: Any, kofi: Any, as_user: Any) -> None:
    first = as_ama.post(CONSULTATIONS, ringworm(client_reference="7/3"), format="json")

    again = as_ama.post(CONSULTATIONS, ringworm(client_reference="7/3"), format="json")
    colleague = as_user(kofi).post(CONSULTATIONS, ringworm(client_reference="7/3"), format="json")

    assert again.status_code == 409
    assert again.json()["code"] == "client_reference_taken"
    assert again["Location"] == first["Location"]
    assert colleague.status_code == 201


def test_a_decision_can_come_with_the_first_request(as_ama: Any) -> None:
    answer = as_ama.post(CONSULTATIONS, {**breathless(), "decision": {"action": "refer"}}, format="json")

    assert answer.status_code == 201
    assert answer.json()["decision"]["action"] == "refer"


def test_without_published_guidelines_nothing_is_opened(ama: Any, as_user: Any, sent: Any) -> None:
    answer = as_user(ama).post(CONSULTATIONS, ringworm(), format="json")

    assert answer.status_code == 503
    assert answer.json()["code"] == "no_published_guidelines"
    assert nothing_was_written()


def test_initials_and_notes_are_unreadable_in_the_database(opened: dict[str, Any]) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT initials, notes FROM consultations_consultation")
        stored = "".join(cursor.fetchone())

    assert stored[:2] != "AB"
    assert "Mother" not in stored
    assert opened["notes"].startswith("Mother")
