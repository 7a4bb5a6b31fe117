"""A few dozen tiles that stand for a whole picture, so that a quality can be tried in milliseconds."""

import io
from functools import cached_property
from typing import Any, Self

import numpy as np
from PIL import Image, ImageFile

from .ssim import Grey, ssim_tiles

# 96 tiles of 64 x 64: 0.4 megapixels. Many small tiles foretell a photograph's size better than few
# large ones; below 64 too many of SSIM's windows would cross an edge.
TILE = 64
_ACROSS, _DOWN = 12, 8
# What a file holds beside its pixels' code: tables and headers, counted once in mosaic and picture.
_HEADERS = 600


class Trial:
    """What one encoding of the mosaic foretells of the picture. Its SSIM is measured when asked for:
    most trials are only about size."""

    def __init__(self, quality: int, size: float, tiles: Grey, content: bytes) -> None:
        self.quality = quality
        self.size = size
        self._tiles, self._content = tiles, content

    @cached_property
    def ssim(self) -> float:
        """Luma SSIM of the tiles."""
        return ssim_tiles(self._tiles, _stack(luma(self._content)))


def luma(content: bytes) -> Grey:
    """Decode to luma, straight from the Y channel where the file is a JPEG."""
    with Image.open(io.BytesIO(content), formats=("JPEG", "WEBP")) as image:
        image.draft("L", image.size)
        return np.asarray(image.convert("L"))


def compress(picture: Image.Image, options: dict[str, Any]) -> bytes:
    """Encode pixels and nothing else."""
    # Pillow's own guess of the buffer that libjpeg needs for a progressive file is too small for noise.
    ImageFile.MAXBLOCK = max(1 << 16, 4 * picture.width * picture.height)
    out = io.BytesIO()
    picture.save(out, **options)
    return out.getvalue()


class Mosaic:
    """Tiles of `picture` as it would be at `scale`, laid out in a picture of their own."""

    def __init__(self, tiles: Image.Image, pixels: float) -> None:
        self._tiles = tiles
        self._grey = _stack(np.asarray(tiles.convert("L")))
        self._growth = pixels / (tiles.width * tiles.height)
        self.correction = 1.0  # real size / foretold size, once a real one is known

    @classmethod
    def of(cls, picture: Image.Image, scale: float = 1.0) -> Self:
        """Raises nothing; a picture too small to be sampled is taken whole, in whole tiles."""
        width, height = picture.size
        reach = TILE / scale
        across = max(1, min(_ACROSS, int(width / reach)))
        down = max(1, min(_DOWN, int(height / reach)))
        board = Image.new("RGB", (across * TILE, down * TILE))
        for row in range(down):
            for column in range(across):
                left = _origin(width, reach, column, across)
                top = _origin(height, reach, row, down)
                board.paste(_tile(picture, left, top, reach), (column * TILE, row * TILE))
        return cls(board, width * height * scale * scale)

    def attempt(self, quality: int, options: dict[str, Any]) -> Trial:
        """Encode the tiles with `quality` and see."""
        content = compress(self._tiles, {**options, "quality": quality})
        code = max(1, len(content) - _HEADERS) * self._growth
        return Trial(quality, code * self.correction + _HEADERS, self._grey, content)


def _origin(length: int, reach: float, index: int, count: int) -> int:
    """Where tile `index` of `count` begins: evenly spread, on the 16-pixel grid of JPEG's own blocks so
    that a picture already compressed behaves in the mosaic as it will in the whole."""
    room = max(0.0, length - reach)
    return int(room * (index + 0.5) / count) // 16 * 16


def _tile(picture: Image.Image, left: int, top: int, reach: float) -> Image.Image:
    box = (left, top, min(left + reach, picture.width), min(top + reach, picture.height))
    if reach == TILE and box[2] - left == TILE and box[3] - top == TILE:
        return picture.crop((left, top, left + TILE, top + TILE))
    return picture.resize((TILE, TILE), Image.Resampling.LANCZOS, box=box)


def _stack(board: Grey) -> Grey:
    """A board of tiles as (count, TILE, TILE)."""
    down, across = board.shape[0] // TILE, board.shape[1] // TILE
    tiles = board.reshape(down, TILE, across, TILE).swapaxes(1, 2)
    return np.ascontiguousarray(tiles.reshape(-1, TILE, TILE))
