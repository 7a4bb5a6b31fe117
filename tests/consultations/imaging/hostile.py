"""Files that no camera makes: good ones damaged, headers that lie, rubbish behind a good beginning."""

import io
import struct
from collections.abc import Sequence
from functools import lru_cache
from random import Random

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from .pictures import chunk, exif, pack, png_of, segment, skin, wide_profile, with_segments

_INTERESTING = (0, 1, 2, 0x10, 0x7F, 0x80, 0xC0, 0xD8, 0xFE, 0xFF)
_STARTS = (
    b"",
    b"\xff\xd8\xff",
    b"\xff\xd8\xff\xe1\xff\xff",
    b"\x89PNG\r\n\x1a\n",
    b"\0\0\0\x18ftypheic\0\0\0\0heicmif1",
    b"RIFF\xff\0\0\0WEBPVP8 ",
    b"RIFF\xff\0\0\0WEBPVP8L",
    b"RIFF\xff\0\0\0WEBPVP8X",
)


@lru_cache(maxsize=1)
def seeds() -> tuple[bytes, ...]:
    """Good files of every format, and of what each can hold beside pixels."""
    picture = skin(96, 64)
    deep = Image.fromarray(np.full((48, 64), 40_000, np.uint16))
    return (
        pack(picture, "JPEG", exif=exif(6), icc_profile=wide_profile(), comment=b"x"),
        pack(picture, "JPEG", progressive=True, subsampling="4:4:4"),
        pack(picture, "JPEG", restart_marker_blocks=2),
        pack(picture.convert("L"), "JPEG", quality=30),
        pack(picture.convert("CMYK"), "JPEG"),
        with_segments(pack(picture, "JPEG"), segment(0xE2, b"MPF\0II*\0\x08\0\0\0"), segment(0xFE, b"y")),
        pack(picture, "PNG", exif=exif(3), icc_profile=wide_profile()),
        pack(picture.quantize(16), "PNG", transparency=3),
        pack(picture.convert("LA"), "PNG"),
        pack(picture.convert("1"), "PNG"),
        pack(deep, "PNG"),
        png_of(40, 40, rows=(b"\0" + b"\x40" * 120) * 40),
        pack(picture, "PNG", save_all=True, append_images=[picture.rotate(180)]),
        pack(picture, "WEBP", exif=exif(8), icc_profile=wide_profile()),
        pack(picture.convert("RGBA"), "WEBP", lossless=True),
        pack(picture, "WEBP", save_all=True, append_images=[picture.rotate(180)]),
        pack(picture, "HEIF", exif=exif(6)),
        pack(picture, "HEIF", save_all=True, append_images=[picture.rotate(180)]),
        pack(Image.new("RGBA", (64, 64), (9, 9, 9, 9)), "HEIF"),
        pack(picture, "GIF"),
        pack(picture, "TIFF"),
        pack(picture, "BMP"),
    )


def damage(content: bytes, random: Random) -> bytes:
    """One to five injuries, more often near the beginning, where headers are."""
    data = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 3, 5))):
        if len(data) < 16:
            break
        at = random.randrange(len(data) if random.random() < 0.5 else min(400, len(data)))
        _injure(data, at, random)
    return bytes(data)


def _injure(data: bytearray, at: int, random: Random) -> None:
    end = at + random.randint(1, 64)
    how = random.randrange(9)
    if how == 0:
        data[at] ^= 1 << random.randrange(8)
    elif how == 1:
        data[at] = random.choice(_INTERESTING)
    elif how == 2:
        del data[at:end]
    elif how == 3:
        data[at:at] = data[at:end]
    elif how == 4:
        data[at:end] = bytes([random.choice(_INTERESTING)]) * (end - at)
    elif how == 5:
        del data[at:]
    elif how == 6:
        data[at:end] = random.randbytes(end - at)
    elif how == 7:
        width = random.choice((2, 4))
        number = random.choice((0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)) & (256**width - 1)
        data[at : at + width] = number.to_bytes(width, random.choice(("big", "little")))
    else:
        other = random.choice(seeds())
        start = random.randrange(len(other))
        data[at:end] = other[start : start + 200]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good file, injured as hypothesis likes."""
    return damage(draw(st.sampled_from(seeds())), Random(draw(st.integers(0, 2**32))))


@st.composite
def lying_png(draw: st.DrawFn) -> bytes:
    """A PNG that says what it likes about size, depth and colours, with chunks in any order."""
    side = st.sampled_from((0, 1, 31, 32, 64, 5000, 16_384, 16_385, 2**31 - 1, 2**32 - 1))
    base = png_of(draw(side), draw(side), depth=draw(st.integers(0, 17)), colour=draw(st.integers(0, 7)))
    kinds = st.sampled_from((b"IHDR", b"IDAT", b"PLTE", b"tRNS", b"iCCP", b"eXIf", b"acTL", b"fdAT", b"IEND"))
    extra = draw(st.lists(st.tuples(kinds, st.binary(max_size=40)), max_size=4))
    at = draw(st.sampled_from((8, 33, len(base) - 12, len(base))))
    return base[:at] + b"".join(chunk(kind, body) for kind, body in extra) + base[at:]


@st.composite
def lying_jpeg(draw: st.DrawFn) -> bytes:
    """Segments in any order, with lengths that may be wrong."""
    parts = [b"\xff\xd8"]
    for _ in range(draw(st.integers(1, 8))):
        marker = draw(st.sampled_from((0xC0, 0xC2, 0xC4, 0xDA, 0xDB, 0xDD, 0xE0, 0xE1, 0xE2, 0xEE, 0xFE)))
        body = draw(st.binary(max_size=60))
        length = draw(st.just(len(body) + 2) | st.integers(0, 0xFFFF))
        parts.append(struct.pack(">BBH", 0xFF, marker, length) + body)
    return b"".join(parts) + draw(st.sampled_from((b"", b"\xff\xd9")))


@st.composite
def lying_heif(draw: st.DrawFn) -> bytes:
    """ISO boxes of any kind, size and depth behind a good `ftyp`."""
    names: Sequence[bytes] = (b"meta", b"hdlr", b"pitm", b"iinf", b"iloc", b"iprp", b"ipco", b"idat", b"mdat")
    parts = [b"\0\0\0\x18ftypheic\0\0\0\0heicmif1"]
    for _ in range(draw(st.integers(1, 6))):
        body = draw(st.binary(max_size=60))
        size = draw(st.just(len(body) + 8) | st.sampled_from((0, 1, 7, 8, 0x7FFFFFFF, 0xFFFFFFFF)))
        parts.append(struct.pack(">I", size) + draw(st.sampled_from(names)) + body)
    return b"".join(parts)


def rubbish() -> st.SearchStrategy[bytes]:
    """Anything behind a good beginning."""
    return st.builds(bytes.__add__, st.sampled_from(_STARTS), st.binary(max_size=600))


def tiny_or_strange() -> st.SearchStrategy[bytes]:
    """Real pictures of unusual sizes and kinds of pixels."""
    sides = st.sampled_from((1, 2, 31, 32, 33, 47, 48, 63, 64, 65, 200))
    modes = st.sampled_from((("JPEG", "RGB"), ("JPEG", "L"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGBA")))
    return st.builds(_strange, sides, sides, modes)


def _strange(width: int, height: int, kind: tuple[str, str]) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").convert(kind[1]).save(out, kind[0])
    return out.getvalue()


def files() -> st.SearchStrategy[bytes]:
    """All of these."""
    return st.one_of(
        damaged(), damaged(), damaged(), lying_png(), lying_jpeg(), lying_heif(), rubbish(), tiny_or_strange()
    )
