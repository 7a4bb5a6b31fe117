"""The child's own code, run here: the same answers as from the child, and its loop and its codes."""

import hashlib
import io
import struct
from dataclasses import asdict
from typing import Any

import pytest
from PIL import Image

from consultations.imaging import Limits, make_safe
from consultations.imaging.sandbox import child, confine, wire
from consultations.imaging.sandbox.child import Ended, code_of, handle, serve

from .pictures import exif, pack, png_of, quarters, skin, unpack, wide_profile

PICTURES: dict[str, tuple[str, bytes]] = {
    "a JPEG lying on its side": ("jpeg", pack(quarters(), "JPEG", exif=exif(6), icc_profile=wide_profile())),
    "a JPEG larger than is stored": ("jpeg", pack(skin(8064, 320), "JPEG")),
    "a CMYK JPEG": ("jpeg", pack(quarters().convert("CMYK"), "JPEG")),
    "a PNG with a palette": ("png", pack(quarters().quantize(8), "PNG")),
    "a PNG with a transparent colour": ("png", pack(quarters(), "PNG", transparency=(200, 40, 40))),
    "a grey PNG with alpha": ("png", pack(Image.new("LA", (64, 64), (9, 0)), "PNG")),
    "a PNG of 16 bits": ("png", pack(Image.new("I;16", (64, 64), 40_000), "PNG")),
    "a black and white PNG": ("png", pack(Image.new("1", (64, 64), 1), "PNG")),
    "a long PNG": ("png", pack(Image.new("RGB", (5000, 40)), "PNG")),
    "a WebP": ("webp", pack(skin(), "WEBP", exif=exif(3))),
    "a lossless WebP": ("webp", pack(quarters(), "WEBP", lossless=True)),
    "a HEIC": ("heif", pack(skin(160, 120), "HEIF")),
}


def head(kind: str, **changed: Any) -> dict[str, Any]:
    return {**asdict(Limits()), "kind": kind, **changed}


@pytest.mark.parametrize("name", PICTURES)
def test_the_child_answers_as_its_code_does_here(name: str) -> None:
    kind, content = PICTURES[name]
    answer, blobs = handle(head(kind), content)
    photo = make_safe(io.BytesIO(content))
    assert [hashlib.sha256(blob).hexdigest() for blob in blobs] == [
        photo.sha256,
        hashlib.sha256(photo.thumbnail).hexdigest(),
        hashlib.sha256(photo.rendition).hexdigest(),
    ]
    assert (answer["width"], answer["height"], answer["ssim"]) == (photo.width, photo.height, photo.ssim)
    assert unpack(blobs[0]).size == (photo.width, photo.height)


def test_noise_is_made_smaller_here_as_there() -> None:
    answer, _ = handle(head("png", max_bytes=60_000), pack(skin(noise=40.0), "PNG"))
    assert answer["width"] < 640
    assert answer["ssim"] > 0.85
    assert answer["ssim_full"] < answer["ssim"]


@pytest.mark.parametrize(
    ("kind", "content", "code"),
    [
        ("png", png_of(60_000, 60_000), "image_bomb"),
        ("png", png_of(10_000, 10_000), "image_too_large"),
        ("png", png_of(31, 64), "image_too_small"),
        ("jpeg", pack(skin(), "JPEG")[:3000], "image_truncated"),
        ("heif", pack(skin(160, 120), "HEIF")[:1000], "image_truncated"),
        ("heif", b"\0\0\0\x02ftyp", "image_unreadable"),
        ("webp", b"RIFF\x0e\0\0\0WEBPwhat\0\0\0\0\0\0", "image_unreadable"),
    ],
)
def test_refusals_have_their_codes_here_too(kind: str, content: bytes, code: str) -> None:
    answer, blobs = handle(head(kind), content)
    assert (answer["refused"], blobs) == (code, [])


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (MemoryError(), {"refused": "image_bomb", "why": "out of memory"}),
        (ImportError("x"), {"broken": "ImportError"}),
        (PermissionError(1, "no"), {"broken": "PermissionError"}),
        (RuntimeError("what"), {"refused": "image_unreadable", "why": "RuntimeError"}),
        (OSError("image file is truncated (3 bytes)"), {"refused": "image_truncated", "why": "OSError"}),
    ],
)
def test_whatever_a_decoder_raises_has_an_answer(
    error: Exception, answer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("consultations.imaging.sandbox.work.make_safe", fail)
    assert handle(head("jpeg"), b"") == (answer, [])


def test_the_end_of_a_file_is_told_from_its_damage() -> None:
    assert code_of(EOFError()) == "image_truncated"
    assert code_of(ValueError("Unexpected end of file")) == "image_truncated"
    assert code_of(ValueError("bad marker")) == "image_unreadable"


def test_the_loop_answers_one_message_after_another_until_its_input_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clocks: list[object] = []
    monkeypatch.setattr(confine, "limit_time", lambda *given: clocks.append(given))
    content = pack(skin(200, 150), "JPEG")
    jobs = b"".join(wire.pack(head("jpeg"), [len(blob)]) + blob for blob in (content, b"\xff\xd8\xff"))
    answers = io.BytesIO()
    serve(io.BytesIO(jobs), answers)
    answers.seek(0)
    first, blobs = wire.read(answers.read, most=10**6)
    second, none = wire.read(answers.read, most=0)
    assert (first["width"], len(blobs)) == (200, 3)
    assert (second["refused"], none) == ("image_truncated", [])
    assert clocks == [(20.0, 20.0)] * 2
    with pytest.raises(struct.error):
        wire.read(answers.read, most=0)


def test_a_message_that_breaks_off_ends_the_loop() -> None:
    serve(io.BytesIO(wire.pack({}, [100]) + b"short"), io.BytesIO())
    assert issubclass(Ended, Exception)


def test_everything_is_loaded_before_the_filter_goes_on() -> None:
    child._get_ready()


def test_the_filter_is_a_program_that_ends_by_allowing() -> None:
    architecture, refused = confine._REFUSED["x86_64"]
    steps = [
        struct.unpack_from("=HBBI", code, 0)
        for code in (program[at : at + 8] for program in [confine._program(architecture, refused)]
                     for at in range(0, len(program), 8))
    ]  # fmt: skip
    assert len(steps) == 6 + 2 * len(refused) + 1
    assert steps[-1] == (confine._RETURN, 0, 0, confine._ALLOW)
    assert all(confine._REFUSED[machine][1] for machine in ("x86_64", "aarch64"))


def test_an_unknown_processor_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert confine.refuse_system_calls() is False
