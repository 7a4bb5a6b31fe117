"""The long trials and the measurements of photos run here with small numbers."""

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from consultations.imaging.pool import POOL, Pool
from consultations.models import Photo
from consultations.services import photos
from dermatech.core import env
from tests.bench import photos as bench
from tests.campaigns import photo_files, photo_sizes
from tests.campaigns import photos as campaign
from tests.consultations.cases import a_photo, upload

from .pictures import pack, skin

pytestmark = pytest.mark.one_database


def test_the_fuzz_campaign_finds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert campaign.main(["--inputs", "60", "--seed", "3"]) == 0
    said = capsys.readouterr().out
    assert "inputs     60" in said
    assert "findings   0" in said


def test_the_fuzz_campaign_counts_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("tag")

    monkeypatch.setattr(campaign, "make_safe", broken)
    pool, found = Pool(1), campaign.Found()
    campaign.try_one(b"x", pool, found, save=tmp_path / "bad")
    assert found.findings == ["uncaught KeyError: 'tag'"]
    assert (tmp_path / "bad" / "1.bin").read_bytes() == b"x"


def test_a_folder_of_files_is_sorted_by_what_becomes_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "good.jpg").write_bytes(a_photo())
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "cut.png").write_bytes(pack(skin(), "PNG")[:5000])
    assert photo_files.main([str(tmp_path), "--list"]) == 0
    said = capsys.readouterr().out
    for line in ("accepted   1", "1 image_unsupported", "1 image_truncated", "5xx, slow  0"):
        assert line in said


def test_what_is_stored_is_looked_at_with_other_eyes() -> None:
    picture = skin(240, 180)
    lines = [
        photo_sizes.try_one(kind, photo_sizes.file_of(picture, kind), POOL) for kind in photo_sizes.FORMATS
    ]
    assert [line.wrong for line in lines] == [()] * 4
    assert all((line.photo.width, line.photo.height) == (240, 180) for line in lines)


def test_each_measurement_says_what_it_is_compared_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "_ROUNDS", 1)
    case = bench.Case("small JPEG", lambda: pack(skin(), "JPEG"), 3.0, 260, "jpg", naive=True)
    file = tmp_path / "small.jpg"
    file.write_bytes(case.make())
    figures = list(bench._figures(case, file))
    assert {figure.peer for figure in figures} >= {"", "one decode and one encode", "Pillow, scikit-image"}
    assert all(figure.value > 0 for figure in figures)


# --- Bounds as settings ---------------------------------------------------------------------------
def test_bounds_of_stored_photos_are_settings(as_ama: Any, opened: dict[str, Any], settings: Any) -> None:
    settings.PHOTO_LONG_EDGE, settings.PHOTO_MAX_BYTES = 1024, 100_000
    content = a_photo(4, size=(1600, 1200))
    address = f"/api/v1/consultations/{opened['id']}/images"
    assert as_ama.post(address, {"image": upload(content)}, format="multipart").status_code == 201
    photo = Photo.objects.get()
    assert max(photo.width, photo.height) == 1024
    assert photo.bytes < 100_000


def test_everything_that_is_known_of_a_photo_is_kept_with_it(photographed: dict[str, Any]) -> None:
    photo = Photo.objects.get()
    assert 0.85 < photo.ssim <= 1
    assert 0.85 < photo.ssim_full <= 1
    assert (photo.width, photo.height, photo.source_format) == (640, 480, "jpeg")
    assert len(photo.sha256_in) == len(photo.sha256_out) == 64
    assert "pillow" in photo.decoder
    assert "libjpeg-turbo" in photo.decoder
    assert photos.stored_picture(photo, thumbnail=True)


@pytest.mark.parametrize("given", ["a lot", "0.5", "1.1"])
def test_a_bound_that_would_break_the_promise_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("PHOTO_SSIM_FLOOR", given)
    with pytest.raises(ImproperlyConfigured, match="PHOTO_SSIM_FLOOR"):
        env.number("PHOTO_SSIM_FLOOR", default=0.85, low=0.85, high=0.98)
