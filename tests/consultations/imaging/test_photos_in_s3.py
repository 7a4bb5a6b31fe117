"""Photos in S3, over HTTP: written, read, signed for two minutes, and what happens when it fails."""

import io
import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from PIL import Image
from storages.backends.s3 import S3Storage

from consultations.models import Analysis, Consultation, Photo
from consultations.services import sealing, storage
from consultations.services.worker import run_analysis
from tests.consultations.cases import CONSULTATIONS, ringworm, upload

from .s3 import Door, options, serving
from .test_sealed_photos import NEW, OLD

pytestmark = [pytest.mark.one_database, pytest.mark.services]


@pytest.fixture(scope="module")
def server() -> Iterator[Door]:
    with serving() as door:
        yield door


@pytest.fixture
def s3(server: Door, settings: Any) -> Iterator[Door]:
    """The product's storage, in S3."""
    server.open()
    use(settings, server, patience=20)
    yield server
    server.open()
    default_storage.bucket.objects.all().delete()  # type: ignore[attr-defined]
    default_storage.connection.meta.client.close()  # type: ignore[attr-defined]


def use(settings: Any, server: Door, *, patience: float) -> None:
    if isinstance(default_storage, S3Storage):
        default_storage.connection.meta.client.close()
    given = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options(server, patience=patience)}
    settings.STORAGES = {**settings.STORAGES, "default": given}


def names() -> list[str]:
    return sorted(item.key for item in default_storage.bucket.objects.all())  # type: ignore[attr-defined]


def send(client: Any) -> Any:
    parts = {"data": json.dumps(ringworm()), "image": upload()}
    return client.post(CONSULTATIONS, parts, format="multipart")


def fetch(url: str) -> tuple[int, Any, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def test_a_photo_goes_to_s3_and_is_given_by_a_signed_address(s3: Door, as_ama: Any) -> None:
    image = send(as_ama).json()["images"][0]
    photo = Photo.objects.get()
    assert names() == sorted([str(photo.file.name), str(photo.thumbnail.name)])

    for address, kind in ((image["url"], f"image/{photo.format}"), (image["thumbnail_url"], "image/jpeg")):
        answer = as_ama.get(address)
        assert (answer.status_code, answer["Cache-Control"]) == (302, "no-store")
        assert answer["X-Content-Type-Options"] == "nosniff"
        signed = answer["Location"]
        assert int(re.search(r"X-Amz-Expires=(\d+)", signed)[1]) <= 120  # type: ignore[index]
        status, headers, content = fetch(signed)
        assert (status, headers["Content-Type"]) == (200, kind)
        assert headers["Cache-Control"].startswith("private")
        assert headers["Content-Disposition"] == "inline"
        Image.open(io.BytesIO(content)).load()


def test_the_signature_covers_how_the_store_answers(s3: Door, as_ama: Any) -> None:
    """A reader cannot have a picture given to a browser as a page."""
    signed = as_ama.get(send(as_ama).json()["images"][0]["url"])["Location"]
    for covered in ("response-content-type", "response-cache-control", "response-content-disposition"):
        assert covered in signed
    assert "X-Amz-Signature=" in signed
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in signed


def test_the_stored_object_is_private_wherever_it_is_read_from(s3: Door, as_ama: Any) -> None:
    send(as_ama)
    told = default_storage.bucket.Object(names()[0])  # type: ignore[attr-defined]
    assert told.cache_control.startswith("private")
    grants = told.Acl().grants
    assert not any("AllUsers" in str(grant) for grant in grants)


def test_strangers_get_no_signed_address(s3: Door, as_ama: Any, esi: Any, as_user: Any) -> None:
    url = send(as_ama).json()["images"][0]["url"]
    assert as_user(esi).get(url).status_code == 404


def test_an_encrypted_photo_in_s3_is_opened_by_us(s3: Door, as_ama: Any, settings: Any) -> None:
    settings.PHOTO_KEYS = OLD
    image = send(as_ama).json()["images"][0]
    raw = default_storage.bucket.Object(names()[0]).get()["Body"]  # type: ignore[attr-defined]
    with raw:
        assert raw.read().startswith(sealing.MAGIC)
    answer = as_ama.get(image["url"])
    assert answer.status_code == 200
    assert answer["Cache-Control"].startswith("private")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert len(answer.content) == image["bytes"]
    settings.PHOTO_KEYS = f"{NEW},{OLD}"
    call_command("rotate_photo_keys")
    assert as_ama.get(image["url"]).status_code == 200
    assert len(names()) == 2


def test_the_worker_reads_from_s3(s3: Door, as_ama: Any) -> None:
    send(as_ama)
    run_analysis(Analysis.objects.get().pk)
    assert Analysis.objects.get().status == "succeeded"


def test_the_janitor_lists_a_bucket(s3: Door, as_ama: Any, capsys: pytest.CaptureFixture[str]) -> None:
    send(as_ama)
    call_command("tidy_photos", older_than=0)
    storage.write("photos/nobody/0.jpeg", b"left behind")
    with pytest.raises(CommandError, match="1 files without a row"):
        call_command("tidy_photos", older_than=0)
    call_command("tidy_photos", older_than=0, delete=True)
    assert "photos/nobody/0.jpeg" in capsys.readouterr().out
    assert len(names()) == 2


# --- When it fails --------------------------------------------------------------------------------
def refused(answer: Any, events: Any) -> None:
    """503 with Retry-After, and nothing is left of it."""
    assert answer.status_code == 503, answer.content
    assert answer.json()["code"] == "storage_unavailable"
    assert int(answer["Retry-After"]) > 0
    assert Consultation.objects.count() == Photo.objects.count() == Analysis.objects.count() == 0
    assert events() == []


@pytest.mark.parametrize("mode", ["broken", "hanging"])
@pytest.mark.parametrize("uploads", [0, 1])
def test_a_store_that_fails_is_503_and_leaves_nothing(
    s3: Door,
    as_ama: Any,
    events: Any,
    settings: Any,
    mode: str,
    uploads: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At once, or after the picture and before its thumbnail."""
    use(settings, s3, patience=0.8)
    events()
    s3.mode = mode if uploads == 0 else "open"
    once, calls = S3Storage._save, []

    def save(store: Any, name: str, content: Any) -> str:
        calls.append(name)
        if len(calls) <= uploads:
            return str(once(store, name, content))
        s3.mode = mode
        try:
            return str(once(store, name, content))
        finally:
            s3.mode = "open"  # it is back when we clean up

    monkeypatch.setattr(S3Storage, "_save", save)
    refused(send(as_ama), events)
    s3.open()
    use(settings, s3, patience=20)
    call_command("tidy_photos", older_than=0)
    assert names() == []


def test_what_a_store_that_went_away_for_good_keeps_is_found_by_the_janitor(
    s3: Door, as_ama: Any, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    events()
    once = S3Storage._save

    def save(store: Any, name: str, content: Any) -> str:
        stored = str(once(store, name, content))
        s3.mode = "broken"
        return stored

    monkeypatch.setattr(S3Storage, "_save", save)
    refused(send(as_ama), events)
    s3.open()
    assert len(names()) == 1
    call_command("tidy_photos", older_than=0, delete=True)
    assert names() == []


def test_an_upload_whose_answer_is_lost_is_taken_back(s3: Door, as_ama: Any, events: Any) -> None:
    events()
    s3.mode = "lost"
    refused(send(as_ama), events)
    assert any(line.startswith("PUT") for line in s3.seen)
    s3.open()
    assert names() == []


def test_a_photo_that_s3_does_not_give_is_503_for_the_worker_and_tried_again(s3: Door, as_ama: Any) -> None:
    send(as_ama)
    s3.mode = "broken"
    run_analysis(Analysis.objects.get().pk)
    row = Analysis.objects.get()
    assert (row.status, row.error_code) == ("queued", "storage_unavailable")
    s3.open()


def test_a_store_that_is_away_is_said_by_the_janitor(s3: Door, db: None) -> None:
    s3.mode = "broken"
    with pytest.raises(CommandError, match="does not answer"):
        call_command("tidy_photos", older_than=0)
