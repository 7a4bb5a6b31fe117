"""Cut off, raced, left lying: what arrived is kept once, in order, for its owner alone."""

import hashlib
import io
import random
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from accounts.audit.models import AuditEvent
from consultations import imaging
from consultations.models import Analysis, Consultation, Photo, Upload
from consultations.services import dispatch, erasure, janitor, sealing, storage
from consultations.tasks import finish_upload
from consultations.tasks.sweep import sweep_once
from consultations.uploads import holding, parts, services
from dermatech.core.errors import Unavailable
from tests.consultations.cases import NOBODY
from tests.consultations.uploads.conftest import UPLOADS, Phone, digest

pytestmark = pytest.mark.django_db
_TUS = {"HTTP_TUS_RESUMABLE": "1.0.0"}
KEY = "k1:" + "A" * 43


class Cut(io.BytesIO):
    """A connection that gives `content` and then breaks."""

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if not data:
            raise ConnectionResetError
        return data


def receive(upload: Upload, content: bytes, *, length: int, checksum: Any = None) -> None:
    services.append(
        upload=Upload.objects.get(pk=upload.pk),
        offset=Upload.objects.get(pk=upload.pk).received,
        source=Cut(content),
        length=length,
        checksum=checksum,
    )


def files(settings: Any) -> list[Path]:
    return [path for path in (Path(settings.MEDIA_ROOT) / "uploads").rglob("*") if path.is_file()]


def test_whatever_arrived_before_the_cut_is_kept(phone: Phone) -> None:
    """Cut at 20 places, among them the first and the last byte."""
    chance = random.Random(7)
    phone.begin()
    upload = Upload.objects.get()
    cuts = sorted({0, 1, len(phone.photo) - 1, *(chance.randrange(len(phone.photo)) for _ in range(17))})
    at = 0
    for cut in cuts:
        with pytest.raises(parts.CutOff):
            receive(upload, phone.photo[at:cut], length=len(phone.photo) - at)
        at = phone.offset()
        assert at == cut, "a source that ends cleanly loses nothing"
    assert phone.send(at).status_code == 204
    assert Photo.objects.get().sha256_in == hashlib.sha256(phone.photo).hexdigest()


@pytest.mark.one_database
def test_with_a_checksum_a_cut_keeps_nothing_of_its_request(phone: Phone, settings: Any) -> None:
    phone.begin()
    phone.send(0, 2000)
    checksum = parts.Checksum("sha1", hashlib.sha1(phone.photo[2000:]).digest())
    with pytest.raises(parts.CutOff):
        receive(Upload.objects.get(), phone.photo[2000:5000], length=8000, checksum=checksum)
    assert phone.offset() == 2000
    assert len(files(settings)) == 1


@pytest.mark.one_database
def test_long_requests_are_written_piece_by_piece(
    phone: Phone, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(parts, "SOME", 4096)
    phone.begin()
    phone.send(0, 9000)
    assert [part["bytes"] for part in Upload.objects.get().parts] == [4096, 4096, 808]

    wrong = phone.send(9000, 18000, HTTP_UPLOAD_CHECKSUM=digest("sha1", b"other"))
    assert wrong.status_code == 460
    assert len(files(settings)) == 3, "what was not kept is deleted"
    assert phone.send(9000).status_code == 204
    assert Photo.objects.get().sha256_in == hashlib.sha256(phone.photo).hexdigest()
    assert files(settings) == []


def test_two_requests_at_once_never_mix(phone: Phone) -> None:
    phone.begin()
    upload = Upload.objects.get()
    with holding.hold(upload.pk):
        answer = phone.send(0, 100)
        assert (answer.status_code, answer.json()["code"]) == (423, "upload_locked")
        assert answer["Retry-After"]
    assert phone.send(0, 100).status_code == 204


def test_who_asks_how_far_it_is_takes_over_from_a_connection_that_hangs(
    phone: Phone, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "PATIENCE", 0.05)
    phone.begin()
    upload = Upload.objects.get()
    with holding.hold(upload.pk) as hanging:
        assert phone.offset() == 0
        assert phone.send(0, 100).status_code == 204
        with pytest.raises(holding.Locked):  # its bytes come late and count for nothing
            parts.Writer(hanging, 0, []).take(io.BytesIO(b"late"), 4)
    assert phone.offset() == 100
    assert len(files(settings)) == 1


@pytest.mark.one_database
def test_a_look_by_get_takes_nothing_over(phone: Phone) -> None:
    phone.begin()
    with holding.hold(Upload.objects.get().pk) as held:
        phone.read()
        held.change()


def test_a_lock_whose_process_died_ends_by_itself(phone: Phone) -> None:
    phone.begin()
    past = timezone.now() - timedelta(seconds=1)
    Upload.objects.update(lock=NOBODY, locked_until=past)
    assert phone.send(0, 100).status_code == 204


@pytest.mark.django_db(transaction=True)
def test_of_ten_at_the_same_moment_one_appends(phone: Phone) -> None:
    from django.db import connection

    if connection.vendor == "sqlite":
        pytest.skip("the tests' SQLite lives in memory, where two connections share one lock")
    phone.begin()
    start, answers = threading.Barrier(6), []

    def send() -> None:
        start.wait(10)
        try:
            answers.append(phone.send(0, 3000).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(204) == 1
    assert set(answers) <= {204, 409, 423}
    assert phone.offset() == 3000
    assert phone.send(3000).status_code == 204
    assert Photo.objects.get().sha256_in == hashlib.sha256(phone.photo).hexdigest()


@pytest.mark.one_database
def test_others_are_told_the_same_of_a_foreign_upload_as_of_none(
    phone: Phone, phone_of: Callable[[Any], Phone], kofi: Any, esi: Any
) -> None:
    phone.begin()
    for person in (kofi, esi):
        other = phone_of(person)
        for address, about in ((phone.address, []), (f"{UPLOADS}/{NOBODY}", [])):
            other.address = address
            for ask in (
                other.look,
                other.end,
                lambda o=other: o.send(0, 10),
                lambda o=other: o.client.get(o.address),
            ):
                answer = ask()
                about.append(
                    (answer.status_code, answer.content.replace(answer["X-Request-ID"].encode(), b""))
                )
            assert {status for status, _ in about} == {404}
            if address == phone.address:
                foreign = about
        assert foreign == about
    assert phone.offset() == 0
    assert AuditEvent.objects.filter(action="access.denied").count() == 16


@pytest.mark.one_database
def test_a_photo_that_could_not_be_made_is_made_when_the_phone_comes_back(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    _nothing_works(monkeypatch)
    phone.begin()
    assert phone.send(0).status_code == 503
    assert phone.read()["state"] == "open"
    assert phone.look().status_code == 503
    monkeypatch.undo()
    assert phone.offset() == len(phone.photo)
    assert phone.read()["state"] == "done"
    assert Photo.objects.count() == Analysis.objects.count() == 1


def test_and_by_a_worker_when_it_does_not(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    _nothing_works(monkeypatch)
    phone.begin()
    phone.send(0)
    monkeypatch.undo()
    asked: list[tuple[str, list[str]]] = []

    def tell(task: str, args: list[str], *, queue: str) -> bool:
        asked.append((task, list(args)))
        return True

    monkeypatch.setattr(dispatch.publisher, "tell", tell)
    sweep_once()
    assert asked == [], "a request may still be at it"
    Upload.objects.update(updated_at=timezone.now() - timedelta(minutes=2))
    sweep_once()
    sweep_once()
    assert asked == [("consultations.tasks.finish_upload", [str(Upload.objects.get().pk)])]

    monkeypatch.undo()
    for _ in range(2):
        finish_upload(asked[0][1][0])
    assert phone.read()["state"] == "done"
    assert Photo.objects.count() == Analysis.objects.count() == 1


def _nothing_works(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any, **__: Any) -> Any:
        raise Unavailable("down", code="photos_down")

    monkeypatch.setattr(imaging, "make_safe", down)


def test_what_expired_is_tidied_away(phone: Phone, settings: Any) -> None:
    phone.begin()
    phone.send(0, 5000)
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    sweep_once()
    row = Upload.objects.get()
    assert (row.state, row.parts, row.metadata) == ("expired", [], "")
    assert files(settings) == []
    Upload.objects.update(created_at=timezone.now() - timedelta(days=31))
    sweep_once()
    assert not Upload.objects.exists()


@pytest.mark.one_database
def test_a_store_that_fails_costs_only_what_it_did_not_take(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.begin()
    phone.send(0, 1000)

    def full(*_: Any, **__: Any) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(default_storage, "save", full)
    assert phone.send(1000, 2000).json()["code"] == "storage_unavailable"
    monkeypatch.undo()
    assert phone.offset() == 1000
    assert phone.send(1000).status_code == 204


@pytest.mark.one_database
def test_parts_are_sealed_as_photos_are(phone: Phone, settings: Any) -> None:
    settings.PHOTO_KEYS = KEY
    phone.begin()
    phone.send(0, 5000)
    (part,) = files(settings)
    assert sealing.sealed_with(part.read_bytes()) == "k1"
    assert phone.photo[100:200] not in part.read_bytes()
    assert phone.send(5000).status_code == 204


@pytest.mark.one_database
def test_a_part_that_was_changed_in_the_store_ends_the_upload(phone: Phone, settings: Any) -> None:
    phone.begin()
    phone.send(0, 5000)
    (part,) = files(settings)
    part.write_bytes(part.read_bytes()[:-1])
    assert phone.send(5000).json()["code"] == "picture_damaged"
    assert phone.read()["state"] == "refused"
    assert files(settings) == []


@pytest.mark.one_database
def test_the_janitor_knows_parts_from_orphans(phone: Phone, settings: Any) -> None:
    phone.begin()
    phone.send(0, 5000)
    orphan = storage.write(f"uploads/{Upload.objects.get().pk}-00000000-00000000", b"nobody names this")
    other = storage.write("uploads/something", b"nor this")
    found = janitor.look(older_than=timedelta(0))
    assert [file.name for file in found.orphans] == sorted([orphan, other])
    assert janitor.delete(found.orphans) == 2
    assert phone.send(5000).status_code == 204


def test_erasure_takes_what_is_on_its_way(
    phone: Phone, adjoa: Any, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    phone.begin()
    phone.send(0, 5000)
    with django_capture_on_commit_callbacks(execute=True):
        erasure.erase(actor=adjoa, consultation=Consultation.objects.get(), reason="The patient asked.")
    assert not Upload.objects.exists()
    assert files(settings) == []
    assert phone.send(5000).status_code == 404
