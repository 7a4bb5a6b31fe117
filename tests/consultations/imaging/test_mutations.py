"""Whatever bytes are sent, the answer is a safe photo or a refusal with a code."""

import io
from collections.abc import Callable

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

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

from .hostile import damaged, files, rubbish


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


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(files())
def test_whatever_file_is_a_safe_photo_or_a_refusal(content: bytes) -> None:
    """`make campaign NAME=photos` sends 20,000 of them."""
    found = outcome(content)
    if isinstance(found, PhotoRefused):
        assert found.code in CODES
        assert found.status in {415, 422}
    else:
        assert found.bytes < 2_000_000
        assert foreign_parts(found.content, found.format) == []


@settings(max_examples=40, deadline=None)
@given(rubbish())
def test_rubbish_behind_a_good_beginning_is_refused(content: bytes) -> None:
    assert isinstance(outcome(content), PhotoRefused)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["jpeg", "png", "webp"]), damaged() | st.binary(max_size=300))
@example("jpeg", b"\xff\xd8" + b"\xff" * 50)
def test_headers_are_read_or_refused_whatever_they_hold(kind: str, content: bytes) -> None:
    header = answer_or_code(lambda: read_header(content, kind))
    assert header in CODES or (isinstance(header, Header) and 1 <= header.orientation <= 8)


@settings(max_examples=120, deadline=None)
@given(st.binary(max_size=300) | damaged())
def test_small_readers_never_fail_in_their_own_way(content: bytes) -> None:
    assert 1 <= orientation_of(content) <= 8
    assert 1 <= orientation_of(b"II*\0\x08\0\0\0" + content) <= 8
    assert sniff(content[:SNIFFED]) in {None, "jpeg", "png", "webp", "heif"}
    for kind in ("jpeg", "webp"):
        assert isinstance(foreign_parts(content, kind), list)
    for check in (check_boxes, png_essentials):
        found = answer_or_code(lambda check=check: check(content))  # type: ignore[misc]
        assert found is None or isinstance(found, bytes) or found in CODES
