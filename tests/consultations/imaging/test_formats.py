"""Every kind of picture that a phone makes comes in upright, in its true colours, on white paper."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from consultations.imaging import SafePhoto, make_safe

from .pictures import (
    CORNERS,
    TURNED,
    chunk,
    corners_of,
    exif,
    likeness,
    pack,
    png_of,
    quarters,
    segment,
    skin,
    unpack,
    wide_profile,
    with_segments,
)

KINDS = {"JPEG": "jpeg", "PNG": "png", "WEBP": "webp", "HEIF": "heif"}


def safe(content: bytes) -> SafePhoto:
    return make_safe(io.BytesIO(content))


def assert_near(found: tuple[int, ...], wanted: tuple[int, ...], within: int = 4) -> None:
    assert max(abs(a - b) for a, b in zip(found, wanted, strict=True)) <= within, (found, wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_each_accepted_format_becomes_a_faithful_small_picture(kind: str) -> None:
    sent = pack(skin(), kind)
    photo = safe(sent)
    assert (photo.source_format, photo.format) == (KINDS[kind], "jpeg")
    assert (photo.width, photo.height) == (photo.source_width, photo.source_height) == (640, 480)
    stored = unpack(photo.content)
    assert stored.size == (640, 480)
    assert likeness(unpack(sent), stored) > 0.94
    assert photo.bytes == len(photo.content) < 2_000_000


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", sorted(TURNED))
def test_all_eight_orientations_come_out_upright(kind: str, orientation: int) -> None:
    turn = TURNED[orientation]
    sent = quarters() if turn is None else quarters().transpose(turn)
    photo = safe(pack(sent, kind, exif=exif(orientation)))
    assert (photo.width, photo.height) == (photo.source_width, photo.source_height) == (320, 200)
    for found, wanted in zip(corners_of(unpack(photo.content)), CORNERS, strict=True):
        assert_near(found, wanted)


def test_the_thumbnail_is_upright_too_and_at_most_320_pixels() -> None:
    sent = quarters(1200, 800).transpose(Image.Transpose.ROTATE_90)
    thumbnail = unpack(safe(pack(sent, "JPEG", exif=exif(6))).thumbnail)
    assert thumbnail.size == (320, 213)
    assert_near(corners_of(thumbnail)[0], CORNERS[0])


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_ignored(value: int) -> None:
    assert_near(corners_of(unpack(safe(pack(quarters(), "JPEG", exif=exif(value))).content))[0], CORNERS[0])


def test_broken_exif_does_not_stop_a_good_picture() -> None:
    for block in (b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"):
        photo = safe(with_segments(pack(quarters(), "JPEG"), segment(0xE1, block)))
        assert (photo.width, photo.height) == (320, 200)


def test_a_file_on_disk_can_be_given_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(pack(skin(), "JPEG"))
    assert make_safe(path).source_format == "jpeg"


def test_a_grey_picture_stays_grey() -> None:
    for kind in ("JPEG", "PNG"):
        stored = unpack(safe(pack(skin().convert("L"), kind)).content)
        pixels = np.asarray(stored.convert("RGB")).astype(int)
        assert np.abs(pixels - pixels[..., :1]).max() <= 2


def test_sixteen_bits_of_grey_keep_their_shades() -> None:
    ramp = np.tile(np.linspace(0, 65535, 256, dtype=np.uint16), (64, 1))
    stored = np.asarray(unpack(safe(pack(Image.fromarray(ramp), "PNG")).content).convert("L")).astype(int)
    assert np.abs(stored[32] - np.arange(256)).max() <= 3


def test_sixteen_bits_of_colour_are_read() -> None:
    row = b"\0" + b"\xc8\x00\x28\x00\x28\x00" * 64
    stored = unpack(safe(png_of(64, 64, rows=row * 64, depth=16)).content)
    assert_near(corners_of(stored)[0], (200, 40, 40))


def test_a_palette_picture_keeps_its_colours() -> None:
    stored = unpack(safe(pack(quarters().quantize(8), "PNG")).content)
    for found, wanted in zip(corners_of(stored), CORNERS, strict=True):
        assert_near(found, wanted)


def test_a_black_and_white_picture_is_read() -> None:
    stored = unpack(safe(pack(Image.new("1", (64, 64), 1), "PNG")).content)
    assert_near(corners_of(stored)[0], (255, 255, 255))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "HEIF"])
def test_what_is_transparent_becomes_white(kind: str) -> None:
    picture = quarters().convert("RGBA")
    alpha = Image.new("L", picture.size, 255)
    alpha.paste(0, (0, 0, 160, 100))
    picture.putalpha(alpha)
    found = corners_of(unpack(safe(pack(picture, kind)).content))
    assert_near(found[0], (255, 255, 255))
    assert_near(found[3], CORNERS[3])


def test_a_transparent_palette_entry_and_grey_alpha_become_white() -> None:
    palette = quarters().quantize(8)
    hidden = palette.getpixel((10, 10))
    found = corners_of(unpack(safe(pack(palette, "PNG", transparency=hidden)).content))
    assert_near(found[0], (255, 255, 255))
    grey = Image.new("LA", (64, 64), (0, 0))
    assert_near(corners_of(unpack(safe(pack(grey, "PNG")).content))[0], (255, 255, 255))


def test_a_transparent_colour_of_an_opaque_png_becomes_white() -> None:
    found = corners_of(unpack(safe(pack(quarters(), "PNG", transparency=CORNERS[0])).content))
    assert_near(found[0], (255, 255, 255))
    assert_near(found[1], CORNERS[1])


def test_cmyk_comes_out_in_its_colours() -> None:
    cmyk = quarters().convert("CMYK")
    for found, wanted in zip(corners_of(unpack(safe(pack(cmyk, "JPEG")).content)), CORNERS, strict=True):
        assert_near(found, wanted, within=12)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_the_colour_profile_is_applied_before_it_is_dropped(kind: str) -> None:
    """The profile says that red means green: a viewer that honours it shows green, and so must we."""
    photo = safe(pack(quarters(), kind, icc_profile=wide_profile()))
    stored = unpack(photo.content)
    assert "icc_profile" not in stored.info
    red, green, _ = corners_of(stored)[0]
    assert green > red + 100


def test_an_srgb_profile_changes_nothing() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = corners_of(unpack(safe(pack(quarters(), "JPEG", icc_profile=srgb)).content))
    assert_near(found[0], CORNERS[0])


def test_a_broken_profile_or_one_for_other_pixels_is_ignored() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (b"no profile at all", wide_profile()[:200], lab):
        found = corners_of(unpack(safe(pack(quarters(), "JPEG", icc_profile=profile)).content))
        assert_near(found[0], CORNERS[0])


def test_a_phone_jpeg_with_a_second_picture_inside_is_one_photo() -> None:
    """Multi-picture files (depth, gain maps) show their first picture everywhere, and here."""
    out = io.BytesIO()
    quarters().save(out, "MPO", save_all=True, append_images=[skin()])
    assert_near(corners_of(unpack(safe(out.getvalue()).content))[0], CORNERS[0])


def test_a_png_with_a_huge_text_is_a_good_picture() -> None:
    png = pack(quarters(), "PNG")
    import zlib

    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 5_000_000))
    assert safe(png[:33] + text + png[33:]).width == 320


def test_the_same_picture_twice_gives_the_same_hashes() -> None:
    content = pack(skin(), "JPEG")
    one, two = safe(content), safe(content)
    assert (one.source_sha256, one.sha256) == (two.source_sha256, two.sha256)
    assert one.source_bytes == len(content)
    assert "libjpeg-turbo" in one.decoder
    assert one.content_type == "image/jpeg"
