"""What a file is, by its first bytes. Its name and what the sender calls it count for nothing."""

import struct

# Enough for the list of brands of any HEIF file met in practice.
SNIFFED = 512

_STILL_BRANDS = {b"heic", b"heix", b"heim", b"heis"}
_OTHER_BRANDS = {b"mif1", b"mif2", b"msf1", b"hevc", b"hevx", b"hevm", b"hevs"}


def sniff(start: bytes) -> str | None:
    """jpeg, png, webp or heif for the first `SNIFFED` bytes of a file, None for anything else (AVIF,
    GIF, TIFF, PDF, text)."""
    if start.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if start.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "webp"
    return "heif" if _is_heif(start) else None


def _is_heif(start: bytes) -> bool:
    """ISO/IEC 23008-12 B.4: `heic` and its kin are HEVC pictures; the general brands say nothing of
    the codec, and with `avif` beside them it is another one."""
    if start[4:8] != b"ftyp" or len(start) < 16:
        return False
    (size,) = struct.unpack_from(">I", start)
    end = min(size, len(start))
    brands = {start[8:12], *(start[at : at + 4] for at in range(16, end - 3, 4))}
    if brands & {b"avif", b"avis"}:
        return False
    return bool(brands & _STILL_BRANDS) or start[8:12] in _OTHER_BRANDS
