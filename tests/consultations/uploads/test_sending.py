"""A photo sent in parts is the photo it would have been in one request."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from consultations.models import Analysis, Photo, Upload, UploadState
from consultations.uploads import parts
from tests.consultations.cases import CONSULTATIONS, NOBODY, ringworm, upload
from tests.consultations.uploads.conftest import UPLOADS, Phone, digest, metadata

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def test_a_photo_in_three_parts_is_one_photo_and_is_analysed(
    phone: Phone, sent: list[Any], events: Any
) -> None:
    begun = phone.begin()
    assert begun.status_code == 201, begun.content
    assert begun["Tus-Resumable"] == "1.0.0"
    assert begun["Upload-Offset"] == "0"
    assert begun["Upload-Expires"].endswith("GMT")
    events()

    assert phone.send(0, 1000)["Upload-Offset"] == "1000"
    assert phone.send(1000, 5000).status_code == 204
    last = phone.send(5000)

    assert last.status_code == 204, last.content
    photo, analysis = Photo.objects.get(), Analysis.objects.get()
    assert photo.sha256_in == hashlib.sha256(phone.photo).hexdigest()
    assert (last["Upload-Image"], last["Upload-Analysis"]) == (str(photo.pk), str(analysis.pk))
    assert events() == ["photo.added", "analysis.queued"], "as in one request"
    assert phone.read()["state"] == "done"
    assert phone.read()["image"] == str(photo.pk)
    assert Upload.objects.get().parts == []


def test_it_is_the_same_photo_as_in_one_request(phone: Phone, as_ama: Any) -> None:
    whole = as_ama.post(
        f"{CONSULTATIONS}/{phone.consultation}/images", {"image": upload(phone.photo)}, format="multipart"
    ).json()
    phone.begin()
    last = phone.send(0)

    assert last["Upload-Image"] == whole["id"]
    assert Photo.objects.count() == 1


def test_the_first_bytes_may_come_with_the_beginning(phone: Phone) -> None:
    assert phone.begin(phone.photo[:2000])["Upload-Offset"] == "2000"
    assert phone.send(2000).status_code == 204
    assert phone.begin(phone.photo).json()["state"] == "done"
    assert Photo.objects.count() == 1


def test_a_wrong_offset_is_told_the_right_one(phone: Phone) -> None:
    phone.begin()
    phone.send(0, 700)
    for offset in (0, 699, 701, len(phone.photo)):
        answer = phone.send(offset, offset + 5)
        assert answer.status_code == 409
        assert answer.json()["code"] == "offset_mismatch"
        assert answer["Upload-Offset"] == "700"


def test_more_bytes_than_were_said_are_refused(phone: Phone) -> None:
    phone.begin(length=100)
    assert phone.send(0, 101).status_code == 413
    assert phone.offset() == 0


def test_a_photo_above_ten_megabytes_is_refused_before_it_is_sent(phone: Phone) -> None:
    answer = phone.begin(length=10_000_001)
    assert answer.status_code == 413
    assert answer.json()["code"] == "image_too_large_upload"
    assert phone.begin(length=10_000_000).status_code == 201


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_bytes_that_do_not_fit_their_checksum_are_not_kept(phone: Phone, algorithm: str) -> None:
    phone.begin()
    damaged = b"x" + phone.photo[1:3000]
    wrong = phone.send_bytes(damaged, 0, HTTP_UPLOAD_CHECKSUM=digest(algorithm, phone.photo[:3000]))
    assert wrong.status_code == 460
    assert (wrong.json()["code"], wrong.json()["title"]) == ("checksum_mismatch", "Checksum Mismatch")
    assert phone.offset() == 0

    right = phone.send(0, 3000, HTTP_UPLOAD_CHECKSUM=digest(algorithm, phone.photo[:3000]))
    assert right.status_code == 204
    assert phone.send(3000, HTTP_UPLOAD_CHECKSUM=digest(algorithm, phone.photo[3000:])).status_code == 204
    assert Photo.objects.get().sha256_in == hashlib.sha256(phone.photo).hexdigest()


def test_a_checksum_of_another_kind_is_refused(phone: Phone) -> None:
    phone.begin()
    for value in ("md5 aaaa", "sha1", "sha1 !!!", ""):
        assert phone.send(0, HTTP_UPLOAD_CHECKSUM=value).status_code in (400, 460)
    assert phone.offset() == 0


def test_what_is_no_photo_is_refused_at_its_last_byte_and_stays_refused(phone: Phone, events: Any) -> None:
    phone.photo = b"%PDF-1.7 " * 100
    phone.begin()
    phone.send(0, 300)
    events()
    last = phone.send(300)

    assert (last.status_code, last.json()["code"]) == (415, "image_unsupported")
    assert events() == ["photo.refused"]
    assert phone.read()["error"]["code"] == "image_unsupported"
    assert phone.look().status_code == phone.send(900).status_code == phone.end().status_code == 410
    assert not Photo.objects.exists()


def test_finishing_twice_is_one_photo(phone: Phone) -> None:
    phone.begin()
    first = phone.send(0)
    again = phone.send_bytes(b"", len(phone.photo))
    assert (again.status_code, again["Upload-Image"]) == (204, first["Upload-Image"])
    assert phone.offset() == len(phone.photo)
    assert Photo.objects.count() == Analysis.objects.count() == 1


def test_an_ended_upload_is_gone(phone: Phone) -> None:
    phone.begin()
    phone.send(0, 500)
    assert phone.end().status_code == 204
    assert phone.look().status_code == 404
    assert not Upload.objects.exists()


def test_after_two_days_it_has_expired(phone: Phone) -> None:
    phone.begin()
    phone.send(0, 500)
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert phone.look().status_code == phone.send(500).status_code == 410
    assert phone.send(500).json()["code"] == "upload_expired"
    assert phone.read()["state"] == UploadState.EXPIRED


def test_a_person_has_ten_open_at_a_time(phone: Phone) -> None:
    addresses = []
    for _ in range(10):
        assert phone.begin().status_code == 201
        addresses.append(phone.address)
    refused = phone.begin()
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_uploads")
    phone.address = addresses[0]
    phone.end()
    assert phone.begin().status_code == 201


def test_all_together_may_not_wait_for_more_than_the_folder_may_hold(phone: Phone, settings: Any) -> None:
    settings.UPLOADS_MAX_BYTES = len(phone.photo) + 1
    assert phone.begin().status_code == 201
    full = phone.begin()
    assert (full.status_code, full.json()["code"]) == (503, "uploads_full")


def test_what_could_not_become_a_photo_is_refused_at_the_beginning(as_ama: Any, phone: Phone) -> None:
    silent = as_ama.post(CONSULTATIONS, ringworm(consent={"photo": False}), format="json").json()
    phone.consultation = silent["id"]
    assert phone.begin().json()["code"] == "consent_required"
    phone.consultation = NOBODY
    assert phone.begin().status_code == 404


WRONG_HEADERS = [
    ({"HTTP_UPLOAD_LENGTH": "-1"}, "Upload-Length"),
    ({"HTTP_UPLOAD_LENGTH": "0"}, "Upload-Length"),
    ({"HTTP_UPLOAD_LENGTH": "ten"}, "Upload-Length"),
    ({"HTTP_UPLOAD_LENGTH": "1" * 30}, "Upload-Length"),
    ({"HTTP_UPLOAD_DEFER_LENGTH": "1"}, "Upload-Defer-Length"),
    ({"HTTP_UPLOAD_CONCAT": "partial"}, "Upload-Concat"),
    ({"HTTP_UPLOAD_METADATA": ""}, "Upload-Metadata.consultation"),
    ({"HTTP_UPLOAD_METADATA": "consultation !"}, "Upload-Metadata"),
    ({"HTTP_UPLOAD_METADATA": "consultation eA==,consultation eA=="}, "Upload-Metadata"),
    ({"HTTP_UPLOAD_METADATA": "consultation eA=="}, "Upload-Metadata.consultation"),
    ({"HTTP_UPLOAD_METADATA": f"{metadata(NOBODY)},colour cmVk"}, "Upload-Metadata.colour"),
    ({"HTTP_UPLOAD_METADATA": "x" * 2001}, "Upload-Metadata"),
]


def test_a_wrong_header_is_named(phone: Phone) -> None:
    headers: Any
    for headers, field in WRONG_HEADERS:
        answer = phone.begin(**headers)
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_the_names_that_clients_give_by_themselves_are_kept_for_them(phone: Phone) -> None:
    given = metadata(phone.consultation, filename="AB.jpg", filetype="image/jpeg")
    phone.begin(HTTP_UPLOAD_METADATA=given)
    assert phone.look()["Upload-Metadata"] == given
    phone.send(0)
    assert Upload.objects.get().metadata == "", "a file name may name a patient"


def test_what_the_server_can_do_is_told(phone: Phone, api: Any) -> None:
    answer = phone.client.options(UPLOADS)
    assert answer.status_code == 204
    assert answer["Tus-Version"] == "1.0.0"
    assert answer["Tus-Extension"] == "creation,creation-with-upload,termination,checksum,expiration"
    assert answer["Tus-Max-Size"] == "10000000"
    assert answer["Tus-Checksum-Algorithm"] == "sha1,sha256"


def test_another_version_of_the_protocol_is_412(phone: Phone) -> None:
    phone.begin()
    for version in ("0.2.2", ""):
        answer = phone.send(0, HTTP_TUS_RESUMABLE=version)
        assert (answer.status_code, answer["Tus-Version"]) == (412, "1.0.0")
    assert phone.offset() == 0


def test_other_kinds_of_content_are_415(phone: Phone) -> None:
    phone.begin()
    given = {"HTTP_TUS_RESUMABLE": "1.0.0", "HTTP_UPLOAD_OFFSET": "0"}
    for kind in ("image/jpeg", "application/json", ""):
        answer = phone.client.generic("PATCH", phone.address, b"{}", content_type=kind, **given)
        assert answer.status_code == 415, kind


def test_a_phone_that_cannot_patch_says_so_in_a_header(phone: Phone) -> None:
    phone.begin()
    given = {"HTTP_TUS_RESUMABLE": "1.0.0", "HTTP_UPLOAD_OFFSET": "0", "HTTP_X_HTTP_METHOD_OVERRIDE": "PATCH"}
    kind = "application/offset+octet-stream"
    answer = phone.client.generic("POST", phone.address, phone.photo, content_type=kind, **given)
    assert answer.status_code == 204
    assert Photo.objects.count() == 1
    assert phone.client.post(phone.address, HTTP_TUS_RESUMABLE="1.0.0").status_code == 405


def test_the_same_key_begins_one_upload_and_other_headers_are_told_apart(phone: Phone) -> None:
    first = phone.begin(HTTP_IDEMPOTENCY_KEY="k")
    again = phone.begin(HTTP_IDEMPOTENCY_KEY="k")
    assert (again["Location"], again["Idempotency-Replayed"]) == (first["Location"], "true")
    assert again["Tus-Resumable"] == "1.0.0"
    assert phone.begin(length=99, HTTP_IDEMPOTENCY_KEY="k").status_code == 422
    assert Upload.objects.count() == 1


def test_many_small_parts_are_kept_as_few(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_PARTS", 4)
    phone.begin()
    for at in range(0, 90, 10):
        assert phone.send(at, at + 10).status_code == 204
    assert len(Upload.objects.get().parts) <= 4
    assert phone.send(90).status_code == 204
    assert Photo.objects.get().sha256_in == hashlib.sha256(phone.photo).hexdigest()
