"""A large photo is stored a second time, smaller and quick to decode, for whoever judges it."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.management import call_command
from django.db import connection

from consultations.backups.snapshot import Snapshot
from consultations.imaging import make_safe, quality
from consultations.imaging.bare import foreign_parts
from consultations.inference.limits import DEFAULT_LIMITS
from consultations.inference.manifest_reader import parse_manifest
from consultations.inference.preprocess import picture_tensor
from consultations.models import Analysis, Consultation, Photo
from consultations.services import erasure, janitor, photos, sealing, storage
from consultations.services.worker import run_analysis
from tests.consultations.cases import CONSULTATIONS, SKIN, a_photo, ringworm, upload
from tests.consultations.inference import build

from .pictures import exif, pack, quarters, skin, unpack
from .test_sealed_photos import NEW, OLD, on_disk

pytestmark = pytest.mark.one_database

LARGE = (1300, 1000)


def keep(client: Any) -> Photo:
    """Ama's case with one large photo."""
    case = client.post(CONSULTATIONS, ringworm(), format="json").json()
    part = {"image": upload(a_photo(size=LARGE))}
    answer = client.post(f"{CONSULTATIONS}/{case['id']}/images", part, format="multipart")
    assert answer.status_code == 201, answer.content
    return Photo.objects.get()


@pytest.fixture
def large(as_ama: Any) -> Photo:
    return keep(as_ama)


def names() -> set[str]:
    root = Path(default_storage.path(""))
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def rows_of(sql: str) -> list[Any]:
    """What a backup asks the database."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def analyse(photo: Photo, client: Any) -> Analysis:
    body = {"consultation": str(photo.consultation_id), "image": str(photo.pk)}
    assert client.post(SKIN, body, format="json").status_code == 202
    row = Analysis.objects.get()
    assert run_analysis(row.pk) == "succeeded"
    return row


# --- The file ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("size", "stored_as"), [((640, 480), None), ((1300, 1000), (1300, 1000)), ((1500, 700), (750, 350))]
)
def test_only_what_is_slow_to_decode_is_made_smaller(
    size: tuple[int, int], stored_as: tuple[int, int] | None
) -> None:
    photo = make_safe(io.BytesIO(pack(quarters(*size), "JPEG", quality=85)))
    if stored_as is None:
        assert (photo.rendition, photo.rendition_sha256) == (b"", "")
        return
    assert foreign_parts(photo.rendition, "jpeg") == []
    small = unpack(photo.rendition)
    assert (small.size, "progressive" in small.info) == (stored_as, False)
    assert max(unpack(photo.thumbnail).size) == 320


def test_it_is_upright_and_shows_what_the_photo_shows() -> None:
    sent = pack(quarters(900, 1300), "JPEG", exif=exif(6), quality=90)
    photo = make_safe(io.BytesIO(sent))
    whole, small = unpack(photo.content).resize((65, 45)), unpack(photo.rendition).resize((65, 45))
    assert (photo.width, photo.height) == (1300, 900)
    assert np.abs(np.asarray(whole, int) - np.asarray(small, int)).mean() < 2


def test_whoever_judges_it_comes_to_the_same_judgement() -> None:
    photo = make_safe(io.BytesIO(pack(skin(1500, 1000, noise=12.0), "JPEG", quality=85)))
    of_photo, of_rendition = quality.judge(photo.content), quality.judge(photo.rendition)
    for part in ("sharpness", "exposure", "skin_fraction", "glare"):
        assert getattr(of_rendition, part) == pytest.approx(getattr(of_photo, part), abs=0.04), part
    assert of_rendition.usable == of_photo.usable
    wanted = parse_manifest(build.manifest_for(b""), DEFAULT_LIMITS).image
    there, here = (picture_tensor(content, wanted)[0] for content in (photo.content, photo.rendition))
    assert np.abs(there - here).mean() < 0.01


# --- Who reads it -----------------------------------------------------------------------------------
def test_the_worker_reads_it_instead_of_the_photo(
    large: Photo, as_ama: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "stored_picture", lambda *_, **__: pytest.fail("the photo was read"))
    analyse(large, as_ama)
    large.refresh_from_db()
    assert large.quality is not None


def _lost(file: Path) -> None:
    file.unlink()


def _exchanged(file: Path) -> None:
    file.write_bytes(a_photo(seed=9))


@pytest.mark.parametrize("harm", [_lost, _exchanged])
def test_without_the_right_one_the_photo_itself_is_read(
    large: Photo, as_ama: Any, settings: Any, harm: Any
) -> None:
    harm(on_disk(settings, large.rendition))
    assert photos.picture_to_judge(large) == photos.stored_picture(large)
    analyse(large, as_ama)


def test_a_photo_stored_before_there_were_any_is_read_itself(large: Photo) -> None:
    Photo.objects.update(rendition="", rendition_sha256="")
    large.refresh_from_db()
    assert photos.picture_to_judge(large) == photos.stored_picture(large)
    assert set(large.files) == {"file", "thumbnail"}


# --- Whoever handles files knows it -----------------------------------------------------------------
def test_it_is_sealed_gets_new_keys_and_is_tidied_backed_up_and_erased_with_its_photo(
    as_ama: Any, adjoa: Any, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.PHOTO_KEYS = OLD
    photo = keep(as_ama)
    assert set(photo.files) == {"file", "thumbnail", "rendition"} == set(Photo.file_fields())
    assert all(
        on_disk(settings, name).read_bytes().startswith(sealing.MAGIC) for name in photo.files.values()
    )
    before = photos.rendition(photo)

    settings.PHOTO_KEYS = f"{NEW},{OLD}"
    call_command("rotate_photo_keys")
    settings.PHOTO_KEYS = NEW
    now = Photo.objects.get()
    assert before is not None
    assert photos.rendition(now) == before
    assert names() == set(now.files.values())
    assert not janitor.look(older_than=timedelta(0))

    assert set(now.files.values()) <= set(Snapshot((), rows_of).named_files())

    case = Consultation.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        erasure.erase(actor=adjoa, consultation=case, reason="The mother asked.")
    assert names() == set()


def test_a_lost_one_is_named_by_the_janitor_and_does_not_stop_a_change_of_keys(
    large: Photo, settings: Any
) -> None:
    storage.discard([large.files["rendition"]])
    assert janitor.look(older_than=timedelta(0)).half == (
        f"Photo {large.pk}: its rendition {large.files['rendition']} is missing.",
    )
    settings.PHOTO_KEYS = OLD
    call_command("rotate_photo_keys")
    large.refresh_from_db()
    assert (large.key_id, set(large.files)) == ("k1", {"file", "thumbnail"})
    assert not janitor.look(older_than=timedelta(0))


def test_a_disk_that_is_full_when_it_comes_leaves_nothing(
    as_ama: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    save: Any = getattr(FileSystemStorage, "_save")  # noqa: B009 - private to Django

    def save_all_but_this(store: Any, name: str, content: Any) -> str:
        if "rendition" in name:
            raise OSError("no space left on device")
        return str(save(store, name, content))

    case = as_ama.post(CONSULTATIONS, ringworm(), format="json").json()
    monkeypatch.setattr(FileSystemStorage, "_save", save_all_but_this)
    part = {"image": upload(a_photo(size=LARGE))}
    answer = as_ama.post(f"{CONSULTATIONS}/{case['id']}/images", part, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
    assert Photo.objects.count() == 0
    assert names() == set()
