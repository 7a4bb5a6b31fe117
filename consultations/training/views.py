"""Variations of a picture for training, so that the model learns the lesion and not how it was taken.

Three things in the photographs say more about the clinic than about the lesion, and are made to say
nothing: circles drawn with a pen around what was cut out, the light, and the skin around the lesion.
"""

import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

Random = np.random.Generator
_BLACK = 12  # crops lie on black that JPEG made uneven
# Skin from very light to dark, as sRGB, so that a pasted lesion stands on any of them.
_SKIN = ((240, 206, 184), (225, 184, 158), (202, 155, 124), (170, 121, 90), (122, 82, 60), (78, 52, 40))
_PENS = ((62, 48, 120), (40, 60, 150), (90, 40, 110), (30, 30, 60), (20, 90, 80))


def raw_view(photo: Image.Image, side: int, random: Random) -> Image.Image:
    """A photograph turned, cut, lit otherwise and sometimes circled with a pen."""
    cut = _cut(photo, random, low=0.55)
    return _finish(cut, side, random)


def crop_view(crop: Image.Image, side: int, random: Random) -> Image.Image:
    """A lesion cut out on black, laid on a skin that is drawn."""
    pixels = np.asarray(crop.convert("RGB"))
    mask = Image.fromarray(((pixels.max(axis=2) > _BLACK) * 255).astype(np.uint8)).filter(
        ImageFilter.MedianFilter(5)
    )
    span = int(max(crop.size) * random.uniform(1.1, 2.2))
    skin = _skin(pixels[np.asarray(mask) > 0], span, random)
    left, top = ((span - length) // 2 for length in crop.size)
    shift = int(span * 0.08)
    place = (left + int(random.integers(-shift, shift + 1)), top + int(random.integers(-shift, shift + 1)))
    # The rim of a crop is darkened by JPEG; without it no dark line betrays that it was pasted.
    rim = ImageFilter.MinFilter(2 * max(1, min(crop.size) // 40) + 1)
    soft = mask.filter(rim).filter(ImageFilter.GaussianBlur(max(crop.size) / 60))
    skin.paste(crop, place, soft)
    return _finish(skin, side, random)


def _skin(lesion: npt.NDArray[np.uint8], span: int, random: Random) -> Image.Image:
    """A square of skin: mostly of a lightness that suits the lesion, uneven in light and grain."""
    near = np.median(lesion, axis=0) if len(lesion) else np.array(_SKIN[1])
    tone = np.array(_SKIN[int(random.integers(0, len(_SKIN)))], dtype=np.float64)
    share = random.uniform(0.1, 0.9)
    colour = near * (1 - share) + tone * share
    slow = random.normal(0, 10, (4, 4)).astype(np.float32)
    fine = random.normal(0, 5, (max(8, span // 3),) * 2).astype(np.float32)
    light = sum(
        np.asarray(Image.fromarray(grain).resize((span, span), Image.Resampling.BICUBIC))
        for grain in (slow, fine)
    )
    return Image.fromarray(np.clip(colour + np.asarray(light)[..., np.newaxis], 0, 255).astype(np.uint8))


def _cut(photo: Image.Image, random: Random, *, low: float) -> Image.Image:
    """A square part around the middle, of `low` to all of the short side."""
    width, height = photo.size
    span = min(width, height) * math.sqrt(random.uniform(low**2, 1.0))
    slack = ((width - span) / 2, (height - span) / 2)
    left, top = (room * (1 + random.uniform(-0.7, 0.7)) for room in slack)
    return photo.crop((int(left), int(top), int(left + span), int(top + span)))


def _finish(picture: Image.Image, side: int, random: Random) -> Image.Image:
    """What all have in common: quarter turns, mirror, pen, light, focus and size."""
    turned = picture.rotate(90 * int(random.integers(0, 4)))
    if random.random() < 0.5:
        turned = ImageOps.mirror(turned)
    small = turned.resize((side, side), Image.Resampling.BILINEAR, reducing_gap=2.0)
    if random.random() < 0.3:
        _circle(small, random)
    lit = ImageEnhance.Brightness(small).enhance(random.uniform(0.7, 1.25))
    lit = ImageEnhance.Contrast(lit).enhance(random.uniform(0.8, 1.25))
    lit = ImageEnhance.Color(lit).enhance(random.uniform(0.75, 1.25))
    warmth = random.uniform(0.92, 1.08, 3)
    tinted = np.clip(np.asarray(lit, dtype=np.float32) * warmth, 0, 255).astype(np.uint8)
    result = Image.fromarray(tinted)
    if random.random() < 0.3:
        result = result.filter(ImageFilter.GaussianBlur(random.uniform(0.3, 1.5)))
    return result


def _circle(picture: Image.Image, random: Random) -> None:
    """A ring as clinics draw it around what they will cut out, on any lesion alike."""
    side = picture.width
    ink = _PENS[int(random.integers(0, len(_PENS)))]
    radius = random.uniform(0.25, 0.48) * side
    middle = side / 2 + random.uniform(-0.08, 0.08, 2) * side
    angles = np.linspace(0, random.uniform(1.2, 2.0) * math.pi, 40) + random.uniform(0, 6.3)
    wobble = radius * (1 + random.normal(0, 0.02, 40))
    points = [
        (float(middle[0] + r * math.cos(angle)), float(middle[1] + r * math.sin(angle)))
        for r, angle in zip(wobble, angles, strict=True)
    ]
    ImageDraw.Draw(picture).line(points, fill=ink, width=max(2, int(side * random.uniform(0.008, 0.025))))
