"""Which characters the shipped fonts can print, read from the fonts themselves."""

import struct
from functools import cache
from pathlib import Path

FONTS = Path(__file__).parent / "fonts"


@cache
def printable() -> frozenset[int]:
    """Code points that every shipped font has a glyph for."""
    return frozenset.intersection(*(_code_points(path.read_bytes()) for path in sorted(FONTS.glob("*.ttf"))))


def _code_points(font: bytes) -> frozenset[int]:
    """The full Unicode map (`cmap` format 12) of an OpenType font. Raises ValueError without one."""
    (tables,) = struct.unpack_from(">H", font, 4)
    for at in range(12, 12 + 16 * tables, 16):
        tag, _, cmap, _ = struct.unpack_from(">4sIII", font, at)
        if tag == b"cmap":
            return _groups(font, cmap)
    raise ValueError("The font has no character map.")


def _groups(font: bytes, cmap: int) -> frozenset[int]:
    (subtables,) = struct.unpack_from(">H", font, cmap + 2)
    for at in range(cmap + 4, cmap + 4 + 8 * subtables, 8):
        _, _, offset = struct.unpack_from(">HHI", font, at)
        (kind,) = struct.unpack_from(">H", font, cmap + offset)
        if kind == 12:
            (count,) = struct.unpack_from(">I", font, cmap + offset + 12)
            rows = struct.iter_unpack(">III", font[cmap + offset + 16 :][: 12 * count])
            return frozenset(code for start, end, _ in rows for code in range(start, end + 1))
    raise ValueError("The font has no full Unicode map.")
