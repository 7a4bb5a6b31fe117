"""What a file says about itself, read without decoding a pixel.

Every function is total: for any bytes it returns or raises Refused, in time linear in the file.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from .refusal import Refused


@dataclass(frozen=True, slots=True)
class Header:
    """Size in pixels as stored, EXIF orientation 1..8, and whether there is more than one frame."""

    width: int
    height: int
    orientation: int = 1
    animated: bool = False


def read_header(data: bytes, kind: str) -> Header:
    """The header of a JPEG, PNG or WebP file. Raises Refused `image_truncated` when the file ends
    inside it, `image_unreadable` when it contradicts itself."""
    try:
        return {"jpeg": _jpeg, "png": _png, "webp": _webp}[kind](data)
    except (struct.error, IndexError) as error:
        raise Refused("image_truncated", "the file ends inside its header") from error


# --- JPEG (ITU T.81 annex B) -------------------------------------------------------------------
_FRAMES = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive: what libjpeg decodes
_OTHER_FRAMES = {0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_BARE_MARKERS = {0x01, *range(0xD0, 0xD9)}


def _jpeg(data: bytes) -> Header:
    at, orientation = 2, 1
    while True:
        while data[at] != 0xFF:  # rubbish between segments is tolerated, as libjpeg does
            at += 1
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        at += 1
        if marker in _BARE_MARKERS or marker == 0:
            continue
        if marker in {0xD9, 0xDA} or marker in _OTHER_FRAMES:
            raise Refused("image_unreadable", "no frame that can be decoded")
        (length,) = struct.unpack_from(">H", data, at)
        if length < 2:
            raise Refused("image_unreadable", "a segment of impossible length")
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 3)
            return Header(width, height, orientation)
        if marker == 0xE1 and data[at + 2 : at + 8] == b"Exif\0\0" and orientation == 1:
            orientation = orientation_of(data[at + 8 : at + length])
        at += length


# --- PNG (ISO/IEC 15948) -------------------------------------------------------------------------
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# What the pixels and their colour depend on. Texts, times and private chunks are never even parsed.
_PNG_NEEDED = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"iCCP", b"sRGB", b"gAMA", b"cHRM"}


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(type, start, end) of each chunk, length and checksum included, up to IEND."""
    at = len(_PNG_SIGNATURE)
    while True:
        if at + 12 > len(data):
            raise Refused("image_truncated", "the file ends before IEND")
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(data):
            raise Refused("image_truncated", "the file ends inside a chunk")
        yield kind, at, end
        if kind == b"IEND":
            return
        at = end


def _png(data: bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    if data[12:16] != b"IHDR":
        raise Refused("image_unreadable", "the first chunk is not IHDR")
    oversized = Header(width, height)
    if width > 1 << 20 or height > 1 << 20:
        return oversized  # refused by its size alone, whatever else is wrong with it
    orientation, animated = 1, False
    try:
        for kind, start, end in _png_chunks(data):
            if kind == b"eXIf":
                orientation = orientation_of(data[start + 8 : end - 4])
            elif kind == b"acTL":
                animated = True
    except (Refused, struct.error):
        if width * height > 50_000_000:
            return oversized
        raise
    return Header(width, height, orientation, animated)


def png_essentials(data: bytes) -> bytes:
    """The same picture with only the chunks that decide its pixels and their colour."""
    whole = memoryview(data)
    kept = [whole[start:end] for kind, start, end in _png_chunks(data) if kind in _PNG_NEEDED]
    return b"".join((_PNG_SIGNATURE, *kept))


# --- WebP (RFC 9649) -----------------------------------------------------------------------------
def _webp(data: bytes) -> Header:
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data) + 1:  # an odd last chunk may lack its padding
        raise Refused("image_truncated", "the file is shorter than it says")
    kind = data[12:16]
    if kind == b"VP8 ":
        if data[23:26] != b"\x9d\x01\x2a":
            raise Refused("image_unreadable", "no key frame")
        width, height = struct.unpack_from("<HH", data, 26)
        return Header(width & 0x3FFF, height & 0x3FFF)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Header((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1)
    if kind != b"VP8X":
        raise Refused("image_unreadable", "an unknown first chunk")
    width = int.from_bytes(data[24:27], "little") + 1
    height = int.from_bytes(data[27:30], "little") + 1
    animated = bool(data[20] & 0x02)
    return Header(width, height, _webp_orientation(data), animated)


def _webp_orientation(data: bytes) -> int:
    at = 12
    while at + 8 <= len(data):
        kind = data[at : at + 4]
        (length,) = struct.unpack_from("<I", data, at + 4)
        if kind == b"EXIF":
            body = data[at + 8 : at + 8 + length]
            return orientation_of(body.removeprefix(b"Exif\0\0"))
        at += 8 + length + (length & 1)
    return 1


# --- HEIF (ISO/IEC 23008-12): boxes only, the rest is the library's ------------------------------
def check_boxes(data: bytes) -> None:
    """Raises Refused `image_truncated` when a top-level box reaches past the end of the file."""
    at = 0
    while at + 8 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        if size == 0:
            return
        if size == 1:
            if at + 16 > len(data):
                break
            (size,) = struct.unpack_from(">Q", data, at + 8)
        if size < 8:
            raise Refused("image_unreadable", "a box of impossible length")
        at += size
    if at > len(data):
        raise Refused("image_truncated", "the file ends inside a box")


# --- EXIF ------------------------------------------------------------------------------------------
_ORIENTATION = 0x0112


def orientation_of(tiff: bytes) -> int:
    """EXIF orientation 1..8 from a TIFF block; 1 for anything that makes no sense."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, at)
        for entry in range(entries):
            tag, kind, count = struct.unpack_from(f"{order}HHI", tiff, at + 2 + 12 * entry)
            if tag == _ORIENTATION and kind == 3 and count == 1:
                (value,) = struct.unpack_from(f"{order}H", tiff, at + 10 + 12 * entry)
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1
