"""Whatever bytes are sent, the answer is a safe photo or a refusal with a code."""

import io
import os
from collections.abc import Callable

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from consultations.imaging import CODES, PhotoRefused, SafePhoto, make_safe
from consultations.imaging.bare import foreign_parts
from consultations.imaging.magic import SNIFFED, sniff
from consultations.imaging.sandbox.headers import (
    Header,
    check_boxes,
    orientation_of,
    png_essentials,
    read_header,
)
from consultations.imaging.sandbox.refusal import Refused

from .pictures import exif, pack, skin, wide_profile

PICTURE = skin(96, 64)
SEEDS = (
    pack(PICTURE, "JPEG", exif=exif(6), icc_profile=wide_profile(), comment=b"x"),
    pack(PICTURE, "JPEG", progressive=True),
    pack(PICTURE.convert("CMYK"), "JPEG"),
    pack(PICTURE, "PNG", exif=exif(3), icc_profile=wide_profile()),
    pack(PICTURE.quantize(16), "PNG", transparency=3),
    pack(PICTURE.convert("LA"), "PNG"),
    pack(PICTURE, "WEBP", exif=exif(8), icc_profile=wide_profile()),
    pack(PICTURE.convert("RGBA"), "WEBP", lossless=True),
    pack(PICTURE, "HEIF", exif=exif(6)),
    pack(Image.new("RGBA", (64, 64), (9, 9, 9, 9)), "HEIF"),
)
# How many: `PHOTO_FUZZ=20000` for the long run.
EXAMPLES = int(os.environ.get("PHOTO_FUZZ", "200"))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good file with some bytes changed, a piece cut out, doubled or replaced."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data) - 1) | st.integers(0, min(400, len(data) - 1)))
        end = at + draw(st.integers(1, 40))
        how = draw(st.sampled_from(("flip", "set", "cut", "double", "fill", "end")))
        if how == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "set":
            data[at] = draw(st.sampled_from((0, 1, 0x7F, 0x80, 0xFF)))
        elif how == "cut" and len(data) > 60:
            del data[at:end]
        elif how == "double":
            data[at:at] = data[at:end]
        elif how == "fill":
            data[at:end] = bytes([draw(st.integers(0, 255))]) * (end - at)
        elif how == "end" and at > 12:
            del data[at:]
    return bytes(data)


def outcome(content: bytes) -> SafePhoto | PhotoRefused:
    try:
        return make_safe(io.BytesIO(content))
    except PhotoRefused as refused:
        return refused


def answer_or_code(read: Callable[[], object]) -> object:
    try:
        return read()
    except Refused as refused:
        return refused.code


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutated())
def test_a_damaged_file_is_a_safe_photo_or_a_refusal(content: bytes) -> None:
    found = outcome(content)
    if isinstance(found, PhotoRefused):
        assert found.code in CODES
        assert found.status in {415, 422}
    else:
        assert found.bytes < 2_000_000
        assert foreign_parts(found.content, found.format) == []


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=600),
    st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\0\0\0\x18ftypheic"]),
)
def test_rubbish_behind_a_good_beginning_is_refused(rubbish: bytes, start: bytes) -> None:
    assert isinstance(outcome(start + rubbish), PhotoRefused)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["jpeg", "png", "webp"]), mutated() | st.binary(max_size=300))
@example("jpeg", b"\xff\xd8" + b"\xff" * 50)
def test_headers_are_read_or_refused_whatever_they_hold(kind: str, content: bytes) -> None:
    header = answer_or_code(lambda: read_header(content, kind))
    assert header in CODES or (isinstance(header, Header) and 1 <= header.orientation <= 8)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | mutated())
def test_small_readers_never_fail_in_their_own_way(content: bytes) -> None:
    assert 1 <= orientation_of(content) <= 8
    assert 1 <= orientation_of(b"II*\0\x08\0\0\0" + content) <= 8
    assert sniff(content[:SNIFFED]) in {None, "jpeg", "png", "webp", "heif"}
    for kind in ("jpeg", "webp"):
        assert isinstance(foreign_parts(content, kind), list)
    for check in (check_boxes, png_essentials):
        found = answer_or_code(lambda check=check: check(content))  # type: ignore[misc]
        assert found is None or isinstance(found, bytes) or found in CODES
