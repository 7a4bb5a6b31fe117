"""Below two million bytes and like its original, in daylight and in the dark."""

import io

import numpy as np
import pytest
from PIL import Image

from consultations.imaging import Limits, make_safe
from consultations.imaging.bare import foreign_parts
from consultations.imaging.sandbox.encode import Aim, encode
from consultations.imaging.sandbox.mosaic import Mosaic
from consultations.imaging.sandbox.mosaic import luma as file_luma
from consultations.imaging.sandbox.ssim import ssim, ssim_tiles

from .pictures import likeness, luma, pack, skin, unpack


def test_a_12_megapixel_daylight_photo_keeps_its_resolution_and_texture() -> None:
    picture = skin(4032, 3024)
    photo = make_safe(io.BytesIO(pack(picture, "JPEG", quality=90)))
    assert photo.bytes < 2_000_000
    assert (photo.width, photo.height) == (4032, 3024)
    stored = luma(unpack(photo.content))
    assert ssim(luma(picture), stored) > 0.9
    assert photo.ssim == pytest.approx(photo.ssim_full)


def test_a_very_noisy_12_megapixel_night_photo_is_never_refused_for_its_noise() -> None:
    picture = skin(4032, 3024, noise=28.0, light=0.35)
    photo = make_safe(io.BytesIO(pack(picture, "JPEG", quality=75)))
    assert photo.bytes < 2_000_000
    assert photo.ssim > 0.85
    stored = unpack(photo.content)
    same_size = picture.resize(stored.size, Image.Resampling.LANCZOS)
    assert ssim(luma(same_size), luma(stored)) > 0.85


def test_a_picture_longer_than_4032_pixels_is_made_smaller_and_both_figures_are_known() -> None:
    picture = skin(8064, 1024)
    photo = make_safe(io.BytesIO(pack(picture, "JPEG", quality=80)))
    assert (photo.width, photo.height) == (4032, 512)
    assert (photo.source_width, photo.source_height) == (8064, 1024)
    smaller = picture.resize((4032, 512), Image.Resampling.LANCZOS)
    assert likeness(smaller, unpack(photo.content)) > 0.85
    assert 0 < photo.ssim_full <= 1
    assert photo.ssim_full != photo.ssim


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_one_that_libjpeg_does_not_read_is_made_smaller_as_well(kind: str) -> None:
    photo = make_safe(io.BytesIO(pack(skin(5000, 400), kind)))
    assert (photo.width, photo.height) == (4032, 323)


@pytest.mark.parametrize(("noise", "light"), [(2, 1.0), (6, 0.3), (40, 1.0), (40, 0.25)])
def test_any_light_and_noise_stays_within_both_bounds(noise: float, light: float) -> None:
    picture = skin(1600, 1200, noise=noise, light=light)
    limits = Limits(max_bytes=330_000)  # as strict for 1.9 megapixels as 2 MB are for 12
    photo = make_safe(io.BytesIO(pack(picture, "PNG")), limits=limits)
    assert photo.bytes < 330_000
    stored = unpack(photo.content)
    original = (
        picture.resize(stored.size, Image.Resampling.LANCZOS) if stored.size != picture.size else picture
    )
    assert likeness(original, stored) > 0.85


def test_pure_noise_comes_out_too() -> None:
    random = np.random.default_rng(3)
    noise = Image.fromarray(random.integers(0, 256, (1200, 1600, 3), dtype=np.uint8))
    photo = make_safe(io.BytesIO(pack(noise, "PNG")), limits=Limits(max_bytes=200_000))
    assert photo.bytes < 200_000
    assert photo.ssim > 0.85


def test_webp_is_taken_where_it_holds_what_jpeg_cannot() -> None:
    formats = set()
    for limit in (190_000, 210_000, 240_000, 300_000):
        picture = skin(1280, 960, noise=12.0)
        result = encode(picture, Aim(limit, 0.85, 0.94))
        assert len(result.content) < limit
        assert result.ssim > 0.85
        assert foreign_parts(result.content, result.format) == []
        formats.add(result.format)
    assert formats == {"jpeg", "webp"}


def test_our_ssim_is_scikit_images() -> None:
    one = skin(801, 603)
    two = unpack(pack(one, "JPEG", quality=40))
    assert ssim(luma(one), luma(two)) == pytest.approx(likeness(one, two), abs=2e-5)
    assert ssim(luma(one), luma(one)) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("size", [(11, 11), (11, 400), (64, 65), (32, 118), (43, 64), (75, 12)])
def test_our_ssim_is_scikit_images_at_every_edge(size: tuple[int, int]) -> None:
    random = np.random.default_rng(5)
    one = random.integers(0, 256, size, dtype=np.uint8)
    two = np.clip(one.astype(int) + random.integers(-20, 20, size), 0, 255).astype(np.uint8)
    assert ssim(one, two) == pytest.approx(likeness(Image.fromarray(one), Image.fromarray(two)), abs=2e-5)


def test_a_sampled_ssim_is_close_to_the_exact_one() -> None:
    one = skin(2400, 1800)
    two = unpack(pack(one, "JPEG", quality=50))
    assert ssim(luma(one), luma(two), every=4) == pytest.approx(ssim(luma(one), luma(two)), abs=0.005)


@pytest.mark.parametrize("size", [(1632, 1224), (1501, 1003), (2000, 777)])
def test_the_figure_stored_with_a_large_photo_is_its_own(size: tuple[int, int]) -> None:
    picture = skin(*size)
    result = encode(picture, Aim(900_000, 0.85, 0.94))
    assert result.format == "jpeg"
    assert result.ssim == pytest.approx(ssim(luma(picture), file_luma(result.content)), abs=0.002)


def test_a_photo_that_is_rough_where_no_sample_looks_is_measured_there_too() -> None:
    rough = np.asarray(skin(1984, 1280)).astype(int)
    noise = np.random.default_rng(7).integers(-30, 30, rough.shape)
    for left in range(144, 1984, 160):  # the twelve columns of tiles begin at 80, 240, ...
        rough[:, left : left + 96] += noise[:, left : left + 96]
    picture = Image.fromarray(rough.clip(0, 255).astype(np.uint8))
    result = encode(picture, Aim(500_000, 0.5, 0.5))
    assert result.ssim == pytest.approx(ssim(luma(picture), luma(unpack(result.content))), abs=0.005)


def test_a_photo_below_the_aim_becomes_webp_only_where_that_is_worth_it() -> None:
    picture = skin(1280, 960, noise=6.0)
    aimed = encode(picture, Aim(250_000, 0.85, 0.99))
    content_with = encode(picture, Aim(250_000, 0.85, 0.85))
    assert content_with.format == "jpeg"
    assert aimed.format == "jpeg" or aimed.ssim > content_with.ssim


def test_pictures_of_different_sizes_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="same size"):
        ssim(np.zeros((20, 20), np.uint8), np.zeros((20, 21), np.uint8))


def test_tiles_are_compared_one_by_one() -> None:
    tiles = np.random.default_rng(1).integers(0, 256, (5, 64, 64), dtype=np.uint8)
    assert ssim_tiles(tiles, tiles) == pytest.approx(1.0, abs=1e-6)


def test_the_mosaic_foretells_size_and_likeness_of_the_whole() -> None:
    picture = skin(3000, 2000)
    options = {"format": "JPEG", "progressive": True, "optimize": True, "subsampling": "4:2:0"}
    trial = Mosaic.of(picture).attempt(70, options)
    whole = pack(picture, "JPEG", quality=70, progressive=True, optimize=True, subsampling="4:2:0")
    assert trial.size == pytest.approx(len(whole), rel=0.1)
    assert trial.ssim == pytest.approx(ssim(luma(picture), luma(unpack(whole))), abs=0.02)
