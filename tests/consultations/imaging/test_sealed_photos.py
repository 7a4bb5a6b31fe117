"""Stored pictures encrypted at rest: transparent to whoever may see them, of no use to anybody else."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from consultations.models import Analysis, Photo
from consultations.services import photo_keys, sealing, storage
from consultations.services.worker import run_analysis
from tests.consultations.cases import CONSULTATIONS, ringworm, upload

pytestmark = pytest.mark.one_database


def key(name: str, letter: bytes) -> str:
    return f"{name}:{base64.urlsafe_b64encode(letter * 32).decode()}"


OLD, NEW = key("k1", b"a"), key("k2", b"b")
RING = sealing.keyring(OLD)


@pytest.fixture
def sealed(settings: Any, as_ama: Any) -> Photo:
    """Ama's photo, stored while a key was configured."""
    settings.PHOTO_KEYS = OLD
    case = as_ama.post(CONSULTATIONS, ringworm(), format="json").json()
    answer = as_ama.post(f"{CONSULTATIONS}/{case['id']}/images", {"image": upload()}, format="multipart")
    assert answer.status_code == 201, answer.content
    return Photo.objects.get()


def on_disk(settings: Any, name: Any) -> Path:
    return Path(settings.MEDIA_ROOT) / str(name)


def address(photo: Photo) -> str:
    return f"{CONSULTATIONS}/{photo.consultation_id}/images/{photo.pk}"


# --- The sealed file ------------------------------------------------------------------------------
@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=300) | st.integers(0, 3 * sealing.CHUNK).map(lambda n: b"x" * n))
def test_what_is_sealed_opens_and_shows_nothing(content: bytes) -> None:
    sealed = sealing.seal(content, ring=RING, owner="p.jpeg")
    assert sealing.unseal(sealed, ring=RING, owner="p.jpeg") == content
    assert sealing.sealed_with(sealed[:64]) == "k1"
    assert len(content) < 8 or content not in sealed
    assert sealing.seal(content, ring=RING, owner="p.jpeg") != sealed


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_found(at: int, bit: int) -> None:
    sealed = bytearray(sealing.seal(b"skin" * 40_000, ring=RING, owner="p.jpeg"))
    sealed[at % len(sealed)] ^= 1 << bit
    with pytest.raises((sealing.SealBroken, sealing.KeyMissing)):
        sealing.unseal(bytes(sealed), ring=RING, owner="p.jpeg")


@pytest.mark.parametrize("whole_chunks", [0, 1, 2])
def test_a_file_cut_off_at_a_chunk_does_not_open(whole_chunks: int) -> None:
    sealed = sealing.seal(b"x" * (3 * sealing.CHUNK), ring=RING, owner="p")
    header = len(sealing.MAGIC) + 1 + 2 + 16
    with pytest.raises(sealing.SealBroken):
        sealing.unseal(sealed[: header + whole_chunks * (sealing.CHUNK + 16)], ring=RING, owner="p")


def test_chunks_of_one_file_cannot_change_places() -> None:
    size, header = sealing.CHUNK + 16, len(sealing.MAGIC) + 1 + 2 + 16
    sealed = sealing.seal(b"x" * (3 * sealing.CHUNK), ring=RING, owner="p")
    first, second = sealed[header : header + size], sealed[header + size : header + 2 * size]
    with pytest.raises(sealing.SealBroken):
        sealing.unseal(sealed[:header] + second + first + sealed[header + 2 * size :], ring=RING, owner="p")


def test_a_file_put_in_anothers_place_does_not_open() -> None:
    sealed = sealing.seal(b"his skin", ring=RING, owner="his.jpeg")
    with pytest.raises(sealing.SealBroken):
        sealing.unseal(sealed, ring=RING, owner="hers.jpeg")


@pytest.mark.parametrize("wrong", ["k1", "k1:short", f":{OLD[3:]}", f"{OLD},{OLD}", f"{'k' * 33}:{OLD[3:]}"])
def test_a_wrong_key_is_refused_at_the_start(settings: Any, wrong: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        sealing.keyring(wrong)
    settings.PHOTO_KEYS = wrong
    assert "consultations.E001" in [found.id for found in run_checks()]


# --- Who reads it ---------------------------------------------------------------------------------
def test_the_store_holds_no_picture_and_the_phone_gets_one(as_ama: Any, sealed: Photo, settings: Any) -> None:
    for name in (sealed.file, sealed.thumbnail):
        raw = on_disk(settings, name).read_bytes()
        assert raw.startswith(sealing.MAGIC)
        assert b"JFIF" not in raw
    assert sealed.key_id == "k1"
    whole = as_ama.get(address(sealed))
    assert Image.open(io.BytesIO(whole.content)).size == (640, 480)
    assert len(whole.content) == sealed.bytes
    small = as_ama.get(f"{address(sealed)}?size=thumbnail")
    assert max(Image.open(io.BytesIO(small.content)).size) <= 320


def test_the_admin_shows_it(sealed: Photo, abena: Any, client: Any) -> None:
    client.force_login(abena)
    answer = client.get(f"/admin/consultations/photo/{sealed.pk}/picture")
    assert answer.status_code == 200
    assert Image.open(io.BytesIO(answer.content)).format in {"JPEG", "WEBP"}


def test_the_worker_judges_it(as_ama: Any, sealed: Photo) -> None:
    body = {"consultation": str(sealed.consultation_id), "image": str(sealed.pk)}
    as_ama.post("/api/v1/analysis/skin", body, format="json")
    run_analysis(Analysis.objects.get().pk)
    sealed.refresh_from_db()
    assert sealed.quality is not None
    assert Analysis.objects.get().status == "succeeded"


def test_a_heat_map_is_sealed_and_opened_like_a_photo(settings: Any) -> None:
    settings.PHOTO_KEYS = OLD
    name = storage.write("heatmaps/one-1.png", b"\x89PNG heat")
    assert on_disk(settings, name).read_bytes().startswith(sealing.MAGIC)
    assert storage.read(name) == b"\x89PNG heat"


def test_an_image_model_is_no_picture_of_a_patient(settings: Any) -> None:
    settings.PHOTO_KEYS = OLD
    name = storage.write("models/abc.onnx", b"weights")
    assert on_disk(settings, name).read_bytes() == storage.read(name) == b"weights"


def _cut(raw: bytes) -> bytes:
    return raw[:-100]


def _flip(raw: bytes) -> bytes:
    return raw[:-50] + bytes([raw[-50] ^ 1]) + raw[-49:]


def _plain(raw: bytes) -> bytes:
    return bytes(upload().read())


@pytest.mark.parametrize("harm", [_cut, _flip, _plain, lambda raw: b"", lambda raw: raw[:9]])
def test_a_file_that_was_tampered_with_is_a_clean_error(
    as_ama: Any, sealed: Photo, settings: Any, events: Any, harm: Any
) -> None:
    file = on_disk(settings, sealed.file)
    file.write_bytes(harm(file.read_bytes()))
    events()
    answer = as_ama.get(address(sealed))
    assert (answer.status_code, answer.json()["code"]) == (503, "picture_damaged")
    assert int(answer["Retry-After"]) > 0
    assert events() == []


def test_a_photo_whose_key_was_taken_away_is_a_clean_error(as_ama: Any, sealed: Photo, settings: Any) -> None:
    settings.PHOTO_KEYS = NEW
    assert as_ama.get(address(sealed)).json()["code"] == "picture_damaged"


def test_a_plain_photo_that_was_exchanged_is_found_by_its_hash(
    as_ama: Any, photographed: dict[str, Any], settings: Any
) -> None:
    file = on_disk(settings, Photo.objects.get().file)
    file.write_bytes(upload(seed=9).read())
    assert as_ama.get(photographed["images"][0]["url"]).json()["code"] == "picture_damaged"


# --- New keys -------------------------------------------------------------------------------------
def test_photos_get_the_new_key_and_stay_readable(
    as_ama: Any, sealed: Photo, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.PHOTO_KEYS = f"{NEW},{OLD}"
    call_command("rotate_photo_keys", dry_run=True)
    assert "1 photos to encrypt; the current key is k2" in capsys.readouterr().out
    call_command("rotate_photo_keys", every=1)
    assert "1 of 1" in capsys.readouterr().out
    settings.PHOTO_KEYS = NEW
    now = Photo.objects.get()
    assert (now.key_id, now.file.name != sealed.file.name) == ("k2", True)
    assert as_ama.get(address(now)).status_code == 200
    assert as_ama.get(f"{address(now)}?size=thumbnail").status_code == 200
    assert len([path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]) == 2
    call_command("tidy_photos", older_than=0)


def test_photos_stored_before_there_was_a_key_are_encrypted_too(
    as_ama: Any, photographed: dict[str, Any], settings: Any
) -> None:
    settings.PHOTO_KEYS = OLD
    assert as_ama.get(photographed["images"][0]["url"]).status_code == 200
    call_command("rotate_photo_keys")
    photo = Photo.objects.get()
    assert on_disk(settings, photo.file).read_bytes().startswith(sealing.MAGIC)
    assert as_ama.get(photographed["images"][0]["url"]).status_code == 200


def test_whoever_reads_while_a_key_changes_gets_the_picture(sealed: Photo, settings: Any) -> None:
    from consultations.services import photos

    settings.PHOTO_KEYS = f"{NEW},{OLD}"
    list(photo_keys.rotate())
    assert len(photos.stored_picture(sealed)) == sealed.bytes  # the row as it was read before


def test_a_heat_map_gets_the_new_key(as_ama: Any, photographed: dict[str, Any], settings: Any) -> None:
    settings.PHOTO_KEYS = OLD
    row = Analysis.objects.get()
    Analysis.objects.update(heatmap=storage.write(f"heatmaps/{row.pk}-1.png", b"heat"))
    settings.PHOTO_KEYS = f"{NEW},{OLD}"
    call_command("rotate_photo_keys")
    name = str(Analysis.objects.get().heatmap.name)
    assert (storage.sealed_with(name), storage.read(name)) == ("k2", b"heat")


def test_a_picture_that_cannot_be_read_is_named_and_the_rest_goes_on(sealed: Photo, settings: Any) -> None:
    on_disk(settings, sealed.file).unlink()
    settings.PHOTO_KEYS = f"{NEW},{OLD}"
    with pytest.raises(CommandError, match="1 failed"):
        call_command("rotate_photo_keys")
    assert Photo.objects.get().key_id == "k1"


def test_without_a_key_there_is_nothing_to_change_to(db: None) -> None:
    with pytest.raises(CommandError, match="PHOTO_KEYS"):
        call_command("rotate_photo_keys")
