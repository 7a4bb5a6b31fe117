"""Where skin is in a picture, and how light it is. Pure functions over (rows, columns, 3) sRGB in 8 bits."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from skimage.color import rgb2lab

Rgb = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

# Individual typology angle in degrees -> group; lower bound of each. Chardon, Cretois, Hourseau 1991,
# "Skin colour typology and suntanning pathways", with Del Bino's split of brown and dark at -30.
_GROUPS = ((55.0, "very_light"), (41.0, "light"), (28.0, "intermediate"), (10.0, "tan"), (-30.0, "brown"))
# Fewer pixels than this say nothing about a person's skin.
_FEWEST = 400
# Skin is yellow to some degree in any neutral light. Below this b* the light was coloured and the angle,
# which divides by b*, would say something about the lamp.
_LEAST_YELLOW = 3.0


@dataclass(frozen=True, slots=True)
class SkinTone:
    """Individual typology angle in degrees, and its group."""

    ita_degrees: float
    group: str

    def as_dict(self) -> dict[str, float | str]:
        return {"ita_degrees": self.ita_degrees, "group": self.group}


def skin_mask(rgb: Rgb) -> Mask:
    """Pixels of skin colour: the RGB, HSV and YCbCr rules of Kolkur et al. 2017, "Human skin detection
    using RGB, HSV and YCbCr color models".

    Two bounds are wider than theirs, so that dark skin in ordinary light is not lost: red from 40 instead
    of 95, and a saturation from 0.12 instead of 0.23 (pale skin under a white light).
    """
    red, green, blue = (rgb[..., channel].astype(np.float32) for channel in range(3))
    highest, lowest = np.maximum(np.maximum(red, green), blue), np.minimum(np.minimum(red, green), blue)
    spread = highest - lowest
    warm = (red > green) & (red >= blue) & (red > 40) & (spread > 8)
    saturation = spread / np.maximum(highest, 1)
    # Hue in degrees for pixels whose strongest channel is red: 0 red, 60 yellow, negative towards violet.
    hue = 60 * (green - blue) / np.maximum(spread, 1)
    return np.asarray(warm & (saturation >= 0.12) & (saturation <= 0.75) & (hue >= -20) & (hue <= 50))


def skin_fraction(rgb: Rgb) -> float:
    """Share of the picture that has skin colour, 0..1."""
    return float(skin_mask(rgb).mean())


def ita_degrees(lightness: float, yellow: float) -> float:
    """ITA = atan2(L* - 50, b*) in degrees (Chardon et al. 1991)."""
    return math.degrees(math.atan2(lightness - 50.0, yellow))


def group_of(ita: float) -> str:
    """Chardon's band: very_light, light, intermediate, tan, brown or dark."""
    return next((name for bound, name in _GROUPS if ita > bound), "dark")


def skin_tone(rgb: Rgb) -> SkinTone | None:
    """Tone of the healthy skin in view, or None where too little skin is seen or the
    light is so blue that no tone can be told.

    Lesions, shadows and shine are left out as Kinyanjui et al. 2020 ("Fairness of classifiers across
    skin tones in dermatology") do: only pixels within one standard deviation of the skin's mean L* and
    b* count. The background does not matter: it has no skin colour.
    """
    mask = skin_mask(rgb)
    if int(mask.sum()) < _FEWEST:
        return None
    lab = rgb2lab(rgb[mask][np.newaxis])[0]
    lightness, yellow = lab[:, 0], lab[:, 2]
    usual = _near_mean(lightness) & _near_mean(yellow)
    if not usual.any():
        usual = np.ones_like(lightness, dtype=bool)
    middle = float(np.median(yellow[usual]))
    if middle < _LEAST_YELLOW:
        return None
    ita = ita_degrees(float(np.median(lightness[usual])), middle)
    return SkinTone(round(ita, 1), group_of(ita))


def _near_mean(values: npt.NDArray[np.float64]) -> Mask:
    return np.asarray(np.abs(values - values.mean()) <= max(values.std(), 1e-6))
