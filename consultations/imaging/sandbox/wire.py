"""Messages between the parent and the decoding child, over the child's stdin and stdout.

A message is the four bytes `DTI1`, the length of its head (unsigned 32 bits, big-endian), the head
(a JSON object in UTF-8) and then as many bytes as the numbers in the head's `blobs` add up to.
"""

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

PREFIX = struct.Struct(">4sI")
MAGIC = b"DTI1"
# A head holds a few numbers and words; more means that the other side has lost its mind.
LONGEST_HEAD = 64 * 1024


class Garbled(Exception):
    """The other side did not speak this protocol."""


def pack(head: Mapping[str, Any], blobs: Sequence[int] = ()) -> bytes:
    """Prefix and head of a message; the blobs, of the lengths given, follow it."""
    text = json.dumps({**head, "blobs": list(blobs)}, separators=(",", ":")).encode()
    if len(text) > LONGEST_HEAD:
        raise ValueError("the head of a message is too long")
    return PREFIX.pack(MAGIC, len(text)) + text


def read(read_exactly: Callable[[int], bytes], *, most: int) -> tuple[dict[str, Any], list[bytes]]:
    """One message. `read_exactly(n)` gives n bytes or raises; the blobs together hold at most
    `most` bytes. Raises Garbled."""
    magic, length = PREFIX.unpack(read_exactly(PREFIX.size))
    if magic != MAGIC or length > LONGEST_HEAD:
        raise Garbled("not a message")
    try:
        head = json.loads(read_exactly(length))
    except ValueError as error:
        raise Garbled("the head is not JSON") from error
    sizes = head.pop("blobs", None) if isinstance(head, dict) else None
    if not isinstance(sizes, list) or not all(type(size) is int and size >= 0 for size in sizes):
        raise Garbled("the head names no blobs")
    if sum(sizes) > most:
        raise Garbled("the blobs are larger than agreed")
    return head, [read_exactly(size) for size in sizes]
