"""How like the original, at its own resolution, a picture stored smaller still is."""

import numpy as np
from PIL import Image

from .ssim import Grey, ssim_tiles

_SIDE = 96
_COUNT = 14  # tiles along each edge


def full_resolution_ssim(full: Image.Image, stored: Grey) -> float:
    """SSIM of `stored`, brought back to the size of `full` by bicubic interpolation, sampled on up to
    196 tiles spread over the picture; both are luma, upright."""
    small = Image.fromarray(stored)
    across, down = small.width / full.width, small.height / full.height
    side = min(_SIDE, full.width, full.height)
    pairs = []
    for top in _starts(full.height, side):
        for left in _starts(full.width, side):
            box = (left * across, top * down, (left + side) * across, (top + side) * down)
            larger = small.resize((side, side), Image.Resampling.BICUBIC, box=box)
            pairs.append((full.crop((left, top, left + side, top + side)), larger))
    one = np.stack([np.asarray(a) for a, _ in pairs])
    two = np.stack([np.asarray(b) for _, b in pairs])
    return ssim_tiles(one, two)


def _starts(length: int, side: int) -> list[int]:
    return sorted({int(start) for start in np.linspace(0, length - side, _COUNT)})
