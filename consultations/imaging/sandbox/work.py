"""One job of the child: a file in, a safe picture, its thumbnail and its rendition out."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image

from .decode import Bounds, decode
from .encode import Aim, encode
from .measure import full_resolution_ssim
from .mosaic import compress, luma

_THUMBNAIL: dict[str, Any] = {"format": "JPEG", "quality": 80, "optimize": True, "progressive": True}
# Baseline: a progressive file takes twice as long to decode, and is decoded whole even at an eighth.
_RENDITION: dict[str, Any] = {"format": "JPEG", "quality": 90}
# Up to this many pixels any stored picture is decoded within 20 ms.
_QUICK = 1_000_000


@dataclass(frozen=True, slots=True)
class Job:
    """What to do with a file of kind jpeg, png, webp or heif."""

    kind: str
    bounds: Bounds
    aim: Aim
    thumbnail_edge: int
    rendition_edge: int

    @classmethod
    def parse(cls, head: dict[str, Any]) -> "Job":
        bounds = Bounds(head["max_pixels"], head["min_side"], head["max_side"], head["long_edge"])
        aim = Aim(head["max_bytes"], head["ssim_floor"], head["ssim_aim"])
        return cls(head["kind"], bounds, aim, head["thumbnail_edge"], head["rendition_edge"])


def make_safe(job: Job, data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """The facts of the safe picture, and [content, thumbnail, rendition]; no bytes where it needs no
    rendition. Raises Refused, or what a decoder raises on a broken file."""
    upright = decode(data, job.kind, job.bounds)
    result = encode(upright.picture, job.aim, resized=upright.full is not None)
    stored = result.picture
    if upright.full is None and stored is not upright.picture:
        grey = upright.picture.convert("L")
        upright.full = lambda: grey
    upright.picture = stored
    facts: dict[str, Any] = {
        "format": result.format,
        "width": stored.width,
        "height": stored.height,
        "ssim": round(result.ssim, 5),
        "ssim_full": round(_full(upright.full, result.content, result.ssim), 5),
        "quality": result.quality,
        "source_width": upright.width,
        "source_height": upright.height,
        "decoder": upright.decoder,
    }
    small, rendition = _rendition(stored, job.rendition_edge)
    return facts, [result.content, _thumbnail(small, job.thumbnail_edge), rendition]


def _full(full: Callable[[], Image.Image] | None, content: bytes, at_stored_size: float) -> float:
    return at_stored_size if full is None else full_resolution_ssim(full(), luma(content))


def _rendition(picture: Image.Image, edge: int) -> tuple[Image.Image, bytes]:
    """The picture at a whole fraction of its size, between half of `edge` and `edge`, and its file. What
    is averaged is noise: most of what makes a photo large is gone."""
    if picture.width * picture.height <= _QUICK:
        return picture, b""
    factor = math.ceil(max(picture.size) / edge)
    small = picture.reduce(factor) if factor > 1 else picture
    return small, compress(small, _RENDITION)


def _thumbnail(picture: Image.Image, edge: int) -> bytes:
    scale = min(1.0, edge / max(picture.size))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return compress(small, _THUMBNAIL)
