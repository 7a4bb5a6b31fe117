"""What the model looked at: class activation mapping (Zhou et al. 2016, arXiv:1512.04150) in numpy."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from consultations.inference.manifest import ImageInput
from consultations.inference.preprocess import FloatArray, crop_box

LONGEST_SIDE = 512
_OPACITY = 0.65
# Dark blue, teal, yellow, red: told apart also by people who do not see red and green apart, as the
# steps differ in lightness.
_STOPS = np.array([0.0, 0.35, 0.7, 1.0])
_COLOURS = np.array([[18, 32, 94], [32, 144, 141], [250, 212, 64], [214, 48, 31]], dtype=np.float64)


def activation_map(features: FloatArray, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Where the weighted channels are active, in 0 to 1: `features` (channels, h, w), `weights`
    (channels,). All zeros where nothing speaks for the label."""
    raw = np.maximum(np.tensordot(weights, features.astype(np.float64), axes=1), 0.0)
    top = float(raw.max())
    scaled: npt.NDArray[np.float64] = raw / top if top > 0 and np.isfinite(top) else np.zeros_like(raw)
    return scaled


def overlay_png(activation: npt.NDArray[np.float64], photo: tuple[int, int], wanted: ImageInput) -> bytes:
    """A transparent PNG of the photo's proportions to lay over it, at most 512 pixels long; what
    the model did not see (outside its crop) stays clear."""
    scale = min(1.0, LONGEST_SIDE / max(photo))
    width, height = (max(1, round(side * scale)) for side in photo)
    left, top, right, bottom = (round(edge * scale) for edge in crop_box(photo, wanted))
    seen = (max(1, right - left), max(1, bottom - top))
    small = Image.fromarray((activation * 255).astype(np.uint8), mode=None)
    strength = np.asarray(small.resize(seen, Image.Resampling.BICUBIC), dtype=np.float64) / 255
    pixels = np.empty((seen[1], seen[0], 4), dtype=np.uint8)
    for channel in range(3):
        pixels[..., channel] = np.interp(strength, _STOPS, _COLOURS[:, channel]).astype(np.uint8)
    pixels[..., 3] = (strength * 255 * _OPACITY).astype(np.uint8)
    canvas = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    canvas.paste(Image.fromarray(pixels), (left, top))
    buffer = io.BytesIO()
    canvas.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
