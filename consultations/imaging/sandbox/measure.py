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
    rows = []
    for top in _starts(full.height, side):
        ones, twos = [], []
        for left in _starts(full.width, side):
            box = (left * across, top * down, (left + side) * across, (top + side) * down)
            twos.append(np.asarray(small.resize((side, side), Image.Resampling.BICUBIC, box=box)))
            ones.append(np.asarray(full.crop((left, top, left + side, top + side))))
        # Row by row: all tiles at once would take 90 MB in floats.
        rows.append(ssim_tiles(np.stack(ones), np.stack(twos)))
    return sum(rows) / len(rows)


def _starts(length: int, side: int) -> list[int]:
    return sorted({int(start) for start in np.linspace(0, length - side, _COUNT)})
