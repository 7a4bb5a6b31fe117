"""The most faithful file below the limit, found in few tries.

Fine skin texture matters more than a small file: the search takes the highest quality whose file stays
below the limit. Where noise makes a JPEG of that size unlike its original, WebP is tried; where that
fails too, a smaller picture is stored, in which the noise averages out, so that no photo is refused for
having been taken in the dark.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from .mosaic import Mosaic, Trial, compress, luma
from .ssim import WINDOW, ssim

_JPEG: dict[str, Any] = {"format": "JPEG", "progressive": True, "optimize": True, "subsampling": "4:2:0"}
_FULL_COLOUR: dict[str, Any] = {**_JPEG, "subsampling": "4:4:4"}
# Method 2: within 2 % of the size of the default, 4, in half its time.
_WEBP: dict[str, Any] = {"format": "WEBP", "method": 2}
_QUALITIES = {"JPEG": (20, 93), "WEBP": (5, 90)}
# Up to this many pixels the colour is kept at full resolution: cheap there, and redness is a finding.
_SMALL = 3_000_000
# Share of the limit aimed at: the mosaic foretells a size to some 5 %.
_SHARE = 0.93
# Foretold SSIM below which another encoder or a smaller picture is considered, above the floor.
_MARGIN, _RESIZED_MARGIN = 0.025, 0.05
# What WebP must gain in SSIM to be worth its time, four times JPEG's.
_WORTH = 0.02
_STEP = 0.9  # each smaller picture has 0.8 of the pixels
_MOST_STEPS = 24
_MOST_ENCODES = 4
# A sampled SSIM this far above the floor needs no exact one.
_CLEAR = 0.03
_SAMPLED_ABOVE = 1_500_000
# Share of a file's size by which the mosaic may be wrong and still be believed about its SSIM.
_ALIKE = 0.1
_EVERY = 4


@dataclass(frozen=True, slots=True)
class Aim:
    """The file stays below `limit` bytes; its SSIM stays above `floor` and is wanted at `wanted`."""

    limit: int
    floor: float
    wanted: float


@dataclass(frozen=True, slots=True)
class Encoded:
    """`ssim` is luma SSIM against the upright original at the stored resolution."""

    content: bytes
    format: str
    quality: int
    picture: Image.Image
    ssim: float


@dataclass(frozen=True, slots=True)
class _Plan:
    options: dict[str, Any]
    quality: int
    scale: float
    foretold: Trial
    mosaic: Mosaic


def encode(picture: Image.Image, aim: Aim, *, resized: bool = False) -> Encoded:
    """`picture` is a bare RGB picture; `resized` says that it was already made smaller, which asks for
    a little more likeness, as there is more than one right way to make a picture smaller."""
    best: Encoded | None = None
    for plan in _plans(picture, aim, resized=resized):
        result = _carry_out(picture, plan, aim)
        if result is None:
            continue
        if best is None or result.ssim > best.ssim:
            best = result
        if best.ssim > aim.floor:
            return best
    if best is None:
        raise ValueError("no encoding came out below the limit")
    return best


def _plans(picture: Image.Image, aim: Aim, *, resized: bool) -> Iterator[_Plan]:
    """What to try, in order of preference. Ends with the smallest picture whatever it promises."""
    enough = aim.floor + (_RESIZED_MARGIN if resized else _MARGIN)
    mosaic = Mosaic.of(picture)
    options = _FULL_COLOUR if picture.width * picture.height <= _SMALL else _JPEG
    found = highest_quality(mosaic, options, aim.limit * _SHARE)
    jpeg = _Plan(options, found.quality, 1.0, found, mosaic) if found and found.ssim >= enough else None
    if jpeg and jpeg.foretold.ssim >= aim.wanted:
        yield jpeg
    webp = _best_webp(mosaic, aim, found)
    better = webp is not None and webp.ssim >= (jpeg.foretold.ssim + _WORTH if jpeg else enough)
    if webp is not None and better:
        yield _Plan(_WEBP, webp.quality, 1.0, webp, mosaic)
    if jpeg:
        yield jpeg
    scale = 1.0
    for step in range(1, _MOST_STEPS + 1):
        scale *= _STEP
        mosaic = Mosaic.of(picture, scale)
        found = highest_quality(mosaic, _JPEG, aim.limit * _SHARE)
        last = step == _MOST_STEPS or min(picture.size) * scale * _STEP < 32
        if found is not None and (found.ssim >= aim.floor + _RESIZED_MARGIN or last):
            yield _Plan(_JPEG, found.quality, scale, found, mosaic)
        if last:
            return


def _best_webp(mosaic: Mosaic, aim: Aim, jpeg: Trial | None) -> Trial | None:
    """On noise WebP gains up to 0.15 of SSIM; where JPEG is further off it cannot make up for it."""
    if jpeg is None or jpeg.ssim < aim.floor - 0.2:
        return None
    return highest_quality(mosaic, _WEBP, aim.limit * _SHARE)


def highest_quality(mosaic: Mosaic, options: dict[str, Any], budget: float) -> Trial | None:
    """The best trial whose foretold size fits, in at most six. None where not even the lowest does.

    The logarithm of the size grows steadily with quality, so that interpolating between one trial
    that fits and one that does not closes in fast."""
    low, high = _QUALITIES[options["format"]]
    over = mosaic.attempt(high, options)
    if over.size <= budget:
        return over
    fits = mosaic.attempt(max(low, high - _drop(over.size, budget)), options)
    while fits.size > budget:
        if fits.quality == low:
            return None
        over = fits
        fits = mosaic.attempt(max(low, over.quality - _drop(over.size, budget)), options)
    for _ in range(3):
        if over.quality - fits.quality <= 1 or fits.size > 0.95 * budget:
            break
        share = math.log(budget / fits.size) / math.log(over.size / fits.size)
        step = round(share * (over.quality - fits.quality))
        quality = min(over.quality - 1, max(fits.quality + 1, fits.quality + step))
        trial = mosaic.attempt(quality, options)
        if trial.size <= budget:
            fits = trial
        else:
            over = trial
    return fits


def _drop(size: float, budget: float) -> int:
    """How far to lower the quality of a file that is too large: about ten steps for each halving near
    the top, and some to land below."""
    return max(3, math.ceil(13 * math.log2(size / budget)) + 2)


def _carry_out(picture: Image.Image, plan: _Plan, aim: Aim) -> Encoded | None:
    if plan.scale != 1.0:
        size = (max(1, round(picture.width * plan.scale)), max(1, round(picture.height * plan.scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    quality, lowest = plan.quality, _QUALITIES[plan.options["format"]][0]
    for _ in range(_MOST_ENCODES):
        try:
            content = compress(picture, {**plan.options, "quality": quality})
        except (OSError, ValueError):
            return None  # what a format cannot hold: WebP has 512 kB for the modes of all blocks
        if len(content) < aim.limit:
            break
        # The mosaic was too hopeful: learn from the real size and look again.
        plan.mosaic.correction *= 1.02 * len(content) / plan.foretold.size
        again = highest_quality(plan.mosaic, plan.options, aim.limit * _SHARE)
        quality = min(quality - 2, again.quality) if again is not None else lowest
        if quality < lowest:
            return None
    else:
        return None
    options = {**plan.options, "quality": quality}
    trial = plan.foretold if (quality, plan.scale) == (plan.foretold.quality, 1.0) else None
    similarity = likeness(picture, content, options, aim.floor, trial)
    return Encoded(content, plan.options["format"].lower(), quality, picture, similarity)


def likeness(
    picture: Image.Image, content: bytes, options: dict[str, Any], floor: float, trial: Trial | None = None
) -> float:
    """SSIM of `content`, which is `picture` encoded with `options`; of large pictures sampled first, and
    measured in full only when it reads low. A picture narrower than SSIM's window is continued by its
    edge. `trial` is the mosaic of this very picture, encoded with these options, where there is one.

    JPEG codes each block by itself, so that the mosaic, cut on its grid, decodes to the very luma that
    the file holds there: its SSIM is that of the file on 96 tiles, within 0.002 on photographs. A mosaic
    that foretold the size wrongly does not stand for this picture, and is not asked.
    """
    large = picture.width * picture.height > _SAMPLED_ABOVE
    if large and options["format"] == "JPEG":
        trial = trial or Mosaic.of(picture).attempt(options["quality"], options)
        alike = abs(trial.size - len(content)) < _ALIKE * len(content)
        if alike and trial.ssim > floor + _CLEAR:
            return trial.ssim
    original, stored = np.asarray(picture.convert("L")), luma(content)
    if large:
        sampled = ssim(original, stored, every=_EVERY)
        if sampled > floor + _CLEAR:
            return sampled
    missing = [(0, max(0, WINDOW - length)) for length in original.shape]
    return ssim(np.pad(original, missing, "edge"), np.pad(stored, missing, "edge"))
