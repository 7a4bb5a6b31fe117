"""What is refused, with which code and status, and what the person is told."""

import io
import struct
from collections.abc import Callable

import pytest
from PIL import Image

from consultations.imaging import CODES, Limits, PhotoRefused, make_safe

from .pictures import pack, png_of, skin


def heic() -> bytes:
    return pack(skin(), "HEIF")


def avif_like() -> bytes:
    return struct.pack(">I", 28) + b"ftypavif\0\0\0\0avifmif1miaf" + b"\0" * 100


def animated(kind: str) -> bytes:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    return pack(frames[0], kind, save_all=True, append_images=frames[1:])


def collection() -> bytes:
    import pillow_heif

    out = io.BytesIO()
    file = pillow_heif.from_pillow(skin(160, 120))
    file.add_from_pillow(skin(160, 120, seed=8))
    file.save(out)
    return out.getvalue()


def webp_of(width: int, height: int) -> bytes:
    """An extended header that promises a canvas, and nothing behind it."""
    body = bytes([0, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    rest = b"WEBPVP8X" + struct.pack("<I", 10) + body
    return b"RIFF" + struct.pack("<I", len(rest)) + rest


def jpeg_of(width: int, height: int) -> bytes:
    """A small JPEG whose frame header lies."""
    jpeg = bytearray(pack(Image.new("RGB", (64, 64)), "JPEG"))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(jpeg)


REFUSED: dict[str, tuple[Callable[[], bytes], str, int]] = {
    "text named .jpg": (lambda: b"This is a text, whatever its name says.\n" * 50, "image_unsupported", 415),
    "an empty file": (lambda: b"", "image_unreadable", 422),
    "one byte": (lambda: b"\xff", "image_unsupported", 415),
    "a GIF": (lambda: pack(skin(), "GIF"), "image_unsupported", 415),
    "a TIFF": (lambda: pack(skin(), "TIFF"), "image_unsupported", 415),
    "a BMP": (lambda: pack(skin(), "BMP"), "image_unsupported", 415),
    "a PDF": (lambda: pack(skin(), "PDF"), "image_unsupported", 415),
    "an AVIF": (avif_like, "image_unsupported", 415),
    "a video": (lambda: b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 99, "image_unsupported", 415),
    "an SVG": (lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image_unsupported", 415),
    "a sound in RIFF": (lambda: b"RIFF\x24\0\0\0WAVEfmt " + b"\0" * 99, "image_unsupported", 415),
    "half a JPEG": (lambda: (j := pack(skin(), "JPEG"))[: len(j) // 2], "image_truncated", 422),
    "half a progressive JPEG": (
        lambda: (j := pack(skin(), "JPEG", progressive=True))[: len(j) // 2],
        "image_truncated",
        422,
    ),
    "half a PNG": (lambda: (p := pack(skin(), "PNG"))[: len(p) // 2], "image_truncated", 422),
    "a PNG without its end": (lambda: pack(skin(), "PNG")[:-12], "image_truncated", 422),
    "half a WebP": (lambda: (w := pack(skin(), "WEBP"))[: len(w) // 2], "image_truncated", 422),
    "half a HEIC": (lambda: (h := heic())[: len(h) // 2], "image_truncated", 422),
    "a JPEG that ends in its header": (lambda: pack(skin(), "JPEG")[:100], "image_truncated", 422),
    "a PNG that ends in its header": (lambda: pack(skin(), "PNG")[:20], "image_truncated", 422),
    "JPEG's first bytes alone": (lambda: b"\xff\xd8\xff\xe0", "image_truncated", 422),
    "an animated WebP": (lambda: animated("WEBP"), "image_animated", 422),
    "an animated PNG": (lambda: animated("PNG"), "image_animated", 422),
    "a HEIF with two pictures": (collection, "image_animated", 422),
    "a PNG of 60,000 x 60,000": (lambda: png_of(60_000, 60_000), "image_bomb", 422),
    "a PNG of 2 billion pixels a side": (lambda: png_of(2**31 - 1, 2**31 - 1), "image_bomb", 422),
    "a JPEG of 65,500 x 65,500": (lambda: jpeg_of(65_500, 65_500), "image_bomb", 422),
    "a WebP canvas of 16 million a side": (lambda: webp_of(1 << 24, 1 << 24), "image_bomb", 422),
    "a WebP canvas of 16,384 x 16,384": (lambda: webp_of(16_384, 16_384), "image_bomb", 422),
    "a PNG of 100 megapixels": (lambda: png_of(10_000, 10_000), "image_too_large", 422),
    "a PNG 16,385 wide": (lambda: png_of(16_385, 100), "image_too_large", 422),
    "a JPEG of 51 megapixels": (lambda: jpeg_of(8_500, 6_000), "image_too_large", 422),
    "a PNG 31 high": (lambda: pack(Image.new("RGB", (400, 31)), "PNG"), "image_too_small", 422),
    "a JPEG 31 wide": (lambda: pack(Image.new("RGB", (31, 400)), "JPEG"), "image_too_small", 422),
    "a WebP of one pixel": (lambda: pack(Image.new("RGB", (1, 1)), "WEBP"), "image_too_small", 422),
    "a HEIC 31 high": (lambda: pack(Image.new("RGB", (64, 31)), "HEIF"), "image_too_small", 422),
    "a PNG of no size": (lambda: png_of(0, 0), "image_too_small", 422),
    "a lossless JPEG": (
        lambda: pack(skin(), "JPEG").replace(b"\xff\xc0", b"\xff\xc3", 1),
        "image_unreadable",
        422,
    ),
    "a HEIC of zeros": (lambda: heic()[:24] + b"\0" * 2000, "image_unreadable", 422),
    "a PNG of rubbish": (lambda: png_of(64, 64, rows=b"\x09" * 64 * 193), "image_unreadable", 422),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_its_code(name: str) -> None:
    make, code, status = REFUSED[name]
    with pytest.raises(PhotoRefused) as refused:
        make_safe(io.BytesIO(make()))
    assert (refused.value.code, refused.value.status) == (code, status)
    assert refused.value.detail.endswith(".")


def test_32_pixels_and_16384_are_still_accepted() -> None:
    assert make_safe(io.BytesIO(pack(Image.new("RGB", (32, 32), "tan"), "PNG"))).width == 32
    long = make_safe(io.BytesIO(pack(Image.new("RGB", (16_384, 40), "tan"), "PNG")))
    assert (long.source_width, long.width) == (16_384, 4032)


def test_more_than_ten_megabytes_are_413_and_reading_stops_there() -> None:
    class Endless(io.RawIOBase):
        read_bytes = 0

        def read(self, size: int = -1, /) -> bytes:
            self.read_bytes += size
            return b"\xff" * size

    endless = Endless()
    with pytest.raises(PhotoRefused) as refused:
        make_safe(endless)  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.status) == ("image_too_large_upload", 413)
    assert endless.read_bytes < 10_200_000


def test_exactly_the_limit_is_let_through() -> None:
    content = pack(skin(), "JPEG")
    assert make_safe(io.BytesIO(content), limits=Limits(max_upload_bytes=len(content))).bytes
    with pytest.raises(PhotoRefused) as refused:
        make_safe(io.BytesIO(content), limits=Limits(max_upload_bytes=len(content) - 1))
    assert refused.value.status == 413


def test_every_code_has_a_sentence_for_a_person() -> None:
    for code in CODES:
        detail = PhotoRefused(code).detail
        assert detail.endswith(".")
        assert len(detail.split()) >= 8
