"""Proof that a stored picture carries pixels and nothing else: walks every segment of the file.

The parent runs it on what the child sends back, so that not even a decoder taken over by a hostile
file could smuggle a location, a text or a second file into storage.
"""

import re
import struct

# T.81: JFIF, quantisation, Huffman tables, baseline and progressive frames, scans, restart interval.
_JPEG_ALLOWED = {0xE0, 0xDB, 0xC4, 0xC0, 0xC2, 0xDA, 0xDD}
_JFIF = re.compile(rb"JFIF\x00.{7}\x00\x00", re.DOTALL)
# In coded data 0xFF is followed by 0x00 (stuffing) or a restart marker; anything else ends the scan.
_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7]", re.DOTALL)
_WEBP_ALLOWED = {b"VP8 "}


def foreign_parts(content: bytes, kind: str) -> list[str]:
    """Names of everything in a JPEG or WebP file that is not needed to draw it. Empty is good."""
    try:
        return {"jpeg": _jpeg, "webp": _webp}[kind](content)
    except (struct.error, IndexError):
        return ["broken off"]


def _jpeg(content: bytes) -> list[str]:
    if content[:2] != b"\xff\xd8":
        return ["no JPEG"]
    found: list[str] = []
    at = 2
    while True:
        if content[at] != 0xFF:
            return [*found, "stray bytes"]
        marker = content[at + 1]
        if marker == 0xD9:
            return found if at + 2 == len(content) else [*found, "trailing bytes"]
        (length,) = struct.unpack_from(">H", content, at + 2)
        body = content[at + 4 : at + 2 + length]
        if marker not in _JPEG_ALLOWED or (marker == 0xE0 and not _JFIF.fullmatch(body)):
            found.append(f"segment {marker:02X}")
        at += 2 + length
        if marker == 0xDA:
            end = _SCAN_END.search(content, at)
            if end is None:
                return [*found, "broken off"]
            at = end.start()


def _webp(content: bytes) -> list[str]:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        return ["no WebP"]
    (size,) = struct.unpack_from("<I", content, 4)
    found = [] if size + 8 == len(content) else ["trailing bytes"]
    at = 12
    while at < len(content):
        kind = content[at : at + 4]
        (length,) = struct.unpack_from("<I", content, at + 4)
        if kind not in _WEBP_ALLOWED:
            found.append(f"chunk {kind.decode('ascii', 'replace')}")
        at += 8 + length + (length & 1)
    return found
