"""How good a photo is for judging skin, and what to tell the person who took it.

Works on a copy of at most 720 pixels, the size at which the thresholds were set: on 260 phone
photographs of skin (PAD-UFES-20) and on blurred, darkened and bleached copies of them. Reads stored,
safe photos only.
"""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]

from .skin import Rgb, SkinTone, skin_fraction, skin_mask, skin_tone

WORKING_EDGE = 720

_ADVICE = {
    "blurred": "The photo is blurred. Hold the phone still, tap the spot on the screen to focus, try again.",
    "too_dark": "The photo is too dark. Go to a window or switch on a light, and take it again.",
    "too_bright": "The photo is too bright. Turn off the flash or step out of the sun, and take it again.",
    "glare": "Shine hides part of the skin. Turn off the flash or tilt the phone a little.",
    "too_far": "Little skin is in the picture. Move closer, until the spot fills about a third of it.",
    "no_skin": "No skin can be made out. Point the camera at the spot, in white light, and take it again.",
}
# A photo with one of these tells a reader too little.
_UNUSABLE = {"blurred", "too_dark", "too_bright", "no_skin"}
_NO_TONE = {"too_dark", "too_bright"}

# Fewest of the originals fall below, most copies blurred by 2 pixels (of 720) do.
_BLURRED = 0.2
# Where the brightest twentieth stays below this (L* 23), light was missing. The darkest skin in good
# light is above (L* 28 and more), and must be: calling it too dark would fail those it is for.
_TOO_DARK_HIGHLIGHTS = 0.22
_TOO_BRIGHT_SKIN = 0.90
_TOO_BRIGHT_SHARE = 0.5
_GLARE = 0.01
_NO_SKIN, _TOO_FAR = 0.05, 0.20

Luma = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Problem:
    code: str
    advice: str


@dataclass(frozen=True, slots=True)
class Quality:
    """`sharpness`, `exposure`, `skin_fraction` and `score` are 0..1, more is better; `glare` is the
    share of the skin that shines, less is better."""

    usable: bool
    problems: tuple[Problem, ...]
    sharpness: float
    exposure: float
    glare: float
    skin_fraction: float
    skin_tone: SkinTone | None
    score: float

    def as_dict(self) -> dict[str, Any]:
        """The contract's `image_quality`."""
        return {
            "usable": self.usable,
            "problems": [{"code": problem.code, "advice": problem.advice} for problem in self.problems],
            "sharpness": self.sharpness,
            "exposure": self.exposure,
            "glare": self.glare,
            "skin_fraction": self.skin_fraction,
            "skin_tone": self.skin_tone.as_dict() if self.skin_tone else None,
            "score": self.score,
        }


def judge(content: bytes | Image.Image) -> Quality:
    """Judge a stored photo (JPEG or WebP), or one decoded already. Raises OSError when it cannot be read."""
    rgb = _working_copy(content)
    luma = luma_of(rgb)
    sharp, exposed, shine, skin = sharpness(luma), exposure(luma), glare(rgb), skin_fraction(rgb)
    codes = _problems(rgb, luma, sharp=sharp, shine=shine, skin=skin)
    return Quality(
        usable=not _UNUSABLE.intersection(codes),
        problems=tuple(Problem(code, _ADVICE[code]) for code in codes),
        sharpness=round(sharp, 3),
        exposure=round(exposed, 3),
        glare=round(shine, 4),
        skin_fraction=round(skin, 3),
        # In a picture without the right light the angle would measure the lamp.
        skin_tone=None if _NO_TONE.intersection(codes) else skin_tone(rgb),
        score=round(exposed * sharp**0.5, 3),
    )


def luma_of(rgb: Rgb) -> Luma:
    """ITU-R BT.601 luma in 0..1."""
    return np.asarray(rgb @ np.array([0.299, 0.587, 0.114], np.float32) / 255.0, np.float32)


def sharpness(luma: Luma) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al. 2000, "Diatom autofocusing in brightfield
    microscopy: a comparative study"), relative to the brightness of the picture so that a dim photo is
    not called blurred, on a logarithmic scale: 0 for none, 1 for the sharpest phone photographs."""
    brightness = max(float(luma.mean()), 0.02)
    energy = float(ndimage.laplace(luma * 128.0 / brightness).var())
    return float(np.clip(np.log10(energy + 1e-3) / 3.0, 0.0, 1.0))


def exposure(luma: Luma) -> float:
    """1 where light was right, towards 0 where it was missing or too much. The dark side looks at the
    brightest twentieth, not at the mean, so that dark skin in good light is not marked down; the bright
    side counts what is blown out (the two ends of Mertens et al. 2007, "Exposure fusion")."""
    highlights = float(np.percentile(luma, 95))
    blown = float((luma >= 0.98).mean())
    washed = 1.0 / (1.0 + np.exp((float(np.median(luma)) - 0.92) / 0.03))
    return float((1.0 - np.exp(-((highlights / 0.35) ** 2))) * washed * (1.0 - blown))


def glare(rgb: Rgb) -> float:
    """Share of the skin under specular highlights: spots nearly white and without colour (the
    dichromatic reflection model, Shafer 1985) that are small and lie within skin, so that white paper
    or a bandage beside it is no glare."""
    strongest, weakest = rgb.max(axis=-1).astype(np.int16), rgb.min(axis=-1).astype(np.int16)
    white = (strongest >= 245) & (strongest - weakest <= 30)
    skin = skin_mask(rgb)
    if not white.any() or not skin.any():
        return 0.0
    spots, count = ndimage.label(white)
    sizes = np.bincount(spots.ravel(), minlength=count + 1)
    ring = ndimage.grey_dilation(spots, size=(9, 9))
    around = (ring > 0) & ~white
    ring_sizes = np.bincount(ring[around], minlength=count + 1)
    in_skin = np.bincount(ring[around & skin], minlength=count + 1)
    inside = (in_skin >= 0.6 * np.maximum(ring_sizes, 1)) & (sizes < 0.1 * white.size)
    inside[0] = False
    return float(sizes[inside].sum() / (skin.sum() + sizes[inside].sum()))


def _problems(rgb: Rgb, luma: Luma, *, sharp: float, shine: float, skin: float) -> list[str]:
    """Codes, the gravest first. Without light nothing else can be said."""
    if float(np.percentile(luma, 95)) < _TOO_DARK_HIGHLIGHTS:
        return ["too_dark"]
    if _washed_out(rgb, luma, skin):
        return ["too_bright"]
    codes = []
    if sharp < _BLURRED:
        codes.append("blurred")
    if skin < _NO_SKIN:
        codes.append("no_skin")
    elif skin < _TOO_FAR:
        codes.append("too_far")
    if shine > _GLARE:
        codes.append("glare")
    return codes


def _washed_out(rgb: Rgb, luma: Luma, skin: float) -> bool:
    """Skin itself is nearly white, or no skin is left and half of the picture is blown out."""
    if skin >= _NO_SKIN:
        return float(np.median(luma[skin_mask(rgb)])) > _TOO_BRIGHT_SKIN
    return float((luma >= 0.95).mean()) > _TOO_BRIGHT_SHARE


def _working_copy(content: bytes | Image.Image) -> Rgb:
    if isinstance(content, Image.Image):
        picture = content
    else:
        with Image.open(io.BytesIO(content), formats=("JPEG", "WEBP", "PNG")) as image:
            image.draft("RGB", (WORKING_EDGE, WORKING_EDGE))
            picture = image.convert("RGB")
    scale = WORKING_EDGE / max(picture.size)
    if scale < 1:
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return np.asarray(picture)
