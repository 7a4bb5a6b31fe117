"""Every format at 12, 24 and 48 megapixels in daylight, dim light and the dark, looked at from outside.

    make campaign NAME=photo_sizes ARGS="--megapixels 12 24 48"

Each file bears planted markers in every kind of metadata that its format has, and is stored turned by its
orientation. What is stored must have fewer than 2,000,000 bytes, be upright and like the file as Pillow
decodes it (SSIM above 0.85, measured here on every pixel at the stored size), and hold no segment that does
not draw. At the full size the figure must be above 0.85 too wherever making the picture smaller and larger
again, without any compression, leaves it there.

A camera would not make most of these files this large: where one has more than the 10 MB that may be sent,
its quality is lowered, and where that does not help (PNG), the limit is lifted and the line says so.
"""

import argparse
import contextlib
import gc
import io
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image, ImageOps

from consultations.imaging import Limits, SafePhoto, make_safe
from consultations.imaging.bare import foreign_parts
from consultations.imaging.pool import Pool
from consultations.imaging.sandbox.measure import full_resolution_ssim
from consultations.imaging.sandbox.ssim import ssim
from tests.bench.photos import forget_peak, peak_mb
from tests.consultations.imaging.pictures import (
    TURNED,
    chunk,
    exif,
    luma,
    pack,
    segment,
    skin,
    unpack,
    with_segments,
)

SECRET = b"PLANTED-7c2e"
_XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + SECRET + b"</x:xmpmeta>"
_UPLOAD = Limits().max_upload_bytes
_SIZES = {2: (1632, 1224), 12: (4032, 3024), 24: (5664, 4248), 48: (8064, 6048)}
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")
LIGHTS = ("daylight", "dim", "very noisy")


@dataclass(frozen=True, slots=True)
class Line:
    """One file and what became of it."""

    name: str
    sent: int
    photo: SafePhoto
    similar: float
    resized_only: float
    seconds: float
    peak: float
    wrong: tuple[str, ...]

    def __str__(self) -> str:
        photo = self.photo
        return (
            f"{self.name:<24} {self.sent / 1e6:6.1f}{'*' if self.sent > _UPLOAD else ' '} "
            f"{photo.format:<4} {photo.width:>4} x {photo.height:<4} {photo.bytes:>9,} "
            f"{self.similar:.3f} {photo.ssim:.3f} {photo.ssim_full:.3f} {self.resized_only:.3f} "
            f"{self.seconds:5.2f} {self.peak:4.0f}  {'; '.join(self.wrong) or 'good'}"
        )


def scene(width: int, height: int, light: str) -> Image.Image:
    """Skin in three lights. In the dark the sensor's noise is as large as the skin's own contrast."""
    if light == "very noisy":
        return skin(width, height, noise=28.0, light=0.35)
    bright, noise = (1.0, 2.5) if light == "daylight" else (0.3, 4.0)
    coarse = skin(width * 2 // 3, height * 2 // 3, noise=noise, light=bright)
    return coarse.resize((width, height), Image.Resampling.BICUBIC)


def file_of(picture: Image.Image, kind: str) -> bytes:
    """The picture turned and with markers, in the best quality that may be sent."""
    turned = picture.transpose(TURNED[6])  # type: ignore[arg-type]
    marked = exif(6, marker=SECRET.decode())
    if kind == "PNG":
        plain = pack(turned, "PNG", exif=marked, compress_level=1)
        text = chunk(b"tEXt", b"Comment\0" + SECRET) + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + _XMP)
        return plain[:33] + text + chunk(b"prVt", SECRET) + plain[33:] + SECRET
    content = b""
    for quality in (90, 80, 65, 50, 35, 20):
        with contextlib.suppress(ValueError):  # of noise this large WebP holds only the coarse
            content = _lossy(turned, kind, quality, marked)
            if len(content) <= _UPLOAD:
                break
    return content


def _lossy(picture: Image.Image, kind: str, quality: int, marked: bytes) -> bytes:
    options: dict[str, Any] = {"quality": quality, "exif": marked}
    if kind == "JPEG":
        plain = pack(picture, "JPEG", **options, comment=SECRET)
        xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + _XMP)
        iptc = segment(0xED, b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x10" + SECRET)
        return with_segments(plain, xmp, iptc, segment(0xE5, SECRET)) + SECRET
    if kind == "WEBP":
        return pack(picture, "WEBP", **options, method=0, xmp=_XMP)
    content = pack(picture, "HEIF", **options, xmp=_XMP, enc_params={"preset": "ultrafast"})
    return content + b"\0\0\0\x14free" + SECRET


def try_one(name: str, content: bytes, pool: Pool) -> Line:
    """Send one file and look at what is stored with other eyes than the product's."""
    # What everybody but the time's own bounds may take: the files are larger than may be sent.
    limits = Limits(max_upload_bytes=max(_UPLOAD, len(content)), wall_seconds=180, cpu_seconds=180)
    for pid in pool.pids():
        forget_peak(pid)
    began = time.perf_counter()
    photo = make_safe(io.BytesIO(content), limits=limits, pool=pool)
    seconds, peak = time.perf_counter() - began, max(map(peak_mb, pool.pids()), default=0.0)
    with Image.open(io.BytesIO(content)) as opened:
        opened.load()
        upright = ImageOps.exif_transpose(opened).convert("L")
    stored = unpack(photo.content)
    small = upright
    if stored.size != upright.size:
        small = upright.resize(stored.size, Image.Resampling.LANCZOS)
    # JPEG's own luma beside Pillow's: both are ITU-R BT.601.
    similar = ssim(np.asarray(small), luma(stored)) if stored.size == small.size else 0.0
    resized_only = full_resolution_ssim(upright, np.asarray(small))
    wrong = tuple(_wrong(photo, content, upright.size, similar, resized_only))
    return Line(name, len(content), photo, similar, resized_only, seconds, peak, wrong)


def _wrong(
    photo: SafePhoto, content: bytes, size: tuple[int, int], similar: float, resized_only: float
) -> Iterator[str]:
    if SECRET not in content:
        yield "nothing was planted"
    if photo.bytes >= 2_000_000:
        yield "too many bytes"
    if (photo.source_width, photo.source_height) != size or photo.width < photo.height:
        yield "not upright"
    if min(similar, photo.ssim) <= 0.85:
        yield "unlike its original"
    if resized_only > 0.85 and photo.ssim_full <= 0.85:
        yield "unlike its original at full size"
    small = [(picture, "jpeg") for picture in (photo.thumbnail, photo.rendition) if picture]
    for stored, kind in ((photo.content, photo.format), *small):
        if foreign_parts(stored, kind) or SECRET in stored or b"Exif" in stored:
            yield "carries more than pixels"


def run(megapixels: list[int]) -> Iterator[Line]:
    """All formats and lights at these sizes."""
    pillow_heif.register_heif_opener()
    pool = Pool(1)
    try:
        for size in megapixels:
            for light in LIGHTS:
                picture = scene(*_SIZES[size], light)
                skin.cache_clear()
                for kind in FORMATS:
                    yield try_one(f"{kind} {size} MP {light}", file_of(picture, kind), pool)
                    gc.collect()
    finally:
        pool.close()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="photo_sizes", description=__doc__.splitlines()[0])
    parser.add_argument("--megapixels", type=int, nargs="+", choices=sorted(_SIZES), default=[12, 24, 48])
    asked = parser.parse_args(arguments)
    print(f"{'':24} sent MB stored                  bytes  SSIM  said  full resized s   MB", flush=True)
    bad = 0
    for line in run(asked.megapixels):
        print(line, flush=True)
        bad += bool(line.wrong)
    print(f"{bad} bad. SSIM: at the stored size on every pixel, as measured here and as said with the photo;")
    print("at the full size; at the full size when only resized. * more than may be sent, limit lifted.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
