"""Nothing but pixels is stored: no place, no name, no text, no second file."""

import io
import re

import pytest

from consultations.imaging import make_safe
from consultations.imaging.bare import foreign_parts

from .pictures import chunk, exif, pack, segment, skin, unpack, with_segments

SECRET = b"PLANTED-5d21"
XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + SECRET + b"</x:xmpmeta>"


def jpeg() -> bytes:
    plain = pack(skin(), "JPEG", exif=exif(marker=SECRET.decode()), comment=SECRET, dpi=(300, 300))
    return (
        with_segments(
            plain,
            segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
            segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x10" + SECRET),
            segment(0xE5, SECRET),
            segment(0xFE, SECRET),
        )
        + SECRET
    )


def png() -> bytes:
    plain = pack(skin(), "PNG", exif=exif(marker=SECRET.decode()))
    extra = chunk(b"tEXt", b"Comment\0" + SECRET) + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)
    return plain[:33] + extra + chunk(b"prVt", SECRET) + plain[33:] + SECRET


def webp() -> bytes:
    return pack(skin(), "WEBP", exif=exif(marker=SECRET.decode()), xmp=XMP)


def heif() -> bytes:
    return pack(skin(), "HEIF", exif=exif(marker=SECRET.decode()), xmp=XMP) + b"\0\0\0\x14free" + SECRET


SENT = {"jpeg": jpeg, "png": png, "webp": webp, "heif": heif}


@pytest.mark.parametrize("kind", SENT)
def test_no_planted_marker_survives(kind: str) -> None:
    content = SENT[kind]()
    assert SECRET in content
    photo = make_safe(io.BytesIO(content))
    for stored in (photo.content, photo.thumbnail):
        assert SECRET not in stored
        assert b"Exif" not in stored
        assert b"GPS" not in stored
        assert not re.search(rb"xmpmeta|ns\.adobe|Photoshop|ICC_PROFILE", stored, re.IGNORECASE)


@pytest.mark.parametrize("kind", SENT)
def test_the_stored_file_has_only_segments_that_draw(kind: str) -> None:
    photo = make_safe(io.BytesIO(SENT[kind]()))
    assert foreign_parts(photo.content, photo.format) == []
    assert foreign_parts(photo.thumbnail, "jpeg") == []
    assert set(unpack(photo.content).info) <= {
        "jfif",
        "jfif_version",
        "jfif_unit",
        "jfif_density",
        "progressive",
        "progression",
    }


def test_the_stored_jpeg_is_progressive() -> None:
    assert unpack(make_safe(io.BytesIO(jpeg())).content).info["progressive"] == 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda jpeg: jpeg + b"PK\3\4", "trailing bytes"),
        (lambda jpeg: with_segments(jpeg, segment(0xE1, b"Exif\0\0")), "segment E1"),
        (lambda jpeg: with_segments(jpeg, segment(0xFE, b"hello")), "segment FE"),
        (lambda jpeg: with_segments(jpeg, segment(0xE0, b"JFIF\0 and more than that")), "segment E0"),
        (lambda jpeg: jpeg[:-2], "broken off"),
        (lambda jpeg: jpeg[:7], "broken off"),
        (lambda jpeg: jpeg[:2] + b"??" + jpeg[2:], "stray bytes"),
        (lambda jpeg: b"GIF89a" + jpeg, "no JPEG"),
    ],
)
def test_the_walk_names_whatever_does_not_belong_in_a_jpeg(change: object, named: str) -> None:
    plain = pack(skin(), "JPEG", progressive=True)
    assert foreign_parts(plain, "jpeg") == []
    assert named in foreign_parts(change(plain), "jpeg")  # type: ignore[operator]


def test_the_walk_names_whatever_does_not_belong_in_a_webp() -> None:
    plain = pack(skin(), "WEBP")
    assert foreign_parts(plain, "webp") == []
    assert foreign_parts(webp(), "webp") == ["chunk VP8X", "chunk EXIF", "chunk XMP "]
    assert foreign_parts(plain + b"junk\1\0\0\0x", "webp") == ["trailing bytes", "chunk junk"]
    assert foreign_parts(plain + b"x", "webp") == ["broken off"]
    assert foreign_parts(b"RIFF", "webp") == ["no WebP"]
