"""A reader of the protobuf wire format, as far as looking into an ONNX file needs it.

The `onnx` package is no dependency of the running product, and a parser that builds every tensor is
not wanted for a file nobody trusts yet: this one walks fields as views and copies nothing.
"""

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10

Value = int | memoryview
Field = tuple[int, int, Value]


class WireError(ValueError):
    """The bytes are no protobuf message."""


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """The base-128 integer at `at`, and the place after it."""
    value = shift = 0
    for index in range(at, min(at + _MAX_VARINT_BYTES, len(data))):
        byte = data[index]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, index + 1
        shift += 7
    raise WireError(f"an integer at byte {at} does not end")


class Reader:
    """Walks messages, and gives up after `most_fields` fields: a file made of millions of tiny ones
    would cost minutes where a sound one costs milliseconds."""

    def __init__(self, most_fields: int) -> None:
        self._left = most_fields

    def fields(self, data: memoryview) -> Iterator[Field]:
        """Every field of one message as (number, wire type, value): an integer for varints, a view of
        the content for everything else."""
        at = 0
        while at < len(data):
            self._left -= 1
            if self._left < 0:
                raise WireError("it is made of too many parts")
            key, at = varint(data, at)
            number, kind = key >> 3, key & 7
            if number == 0:
                raise WireError(f"field number 0 before byte {at}")
            if kind == VARINT:
                value, at = varint(data, at)
                yield number, kind, value
                continue
            length, at = _length(data, at, kind)
            yield number, kind, data[at : at + length]
            at += length

    def messages(self, data: memoryview, wanted: int) -> Iterator[memoryview]:
        """The content of every length-delimited field numbered `wanted`. All of them, not the last:
        a real parser merges repeated ones, so none may hide from a check."""
        for number, kind, value in self.fields(data):
            if number == wanted and kind == BYTES and isinstance(value, memoryview):
                yield value

    def text(self, data: memoryview, wanted: int) -> str:
        """The string field `wanted`, the last one given; empty where it is absent."""
        found = ""
        for value in self.messages(data, wanted):
            found = bytes(value).decode("utf-8", errors="replace")
        return found

    def integer(self, data: memoryview, wanted: int, default: int = 0) -> int:
        """The integer field `wanted` as a signed 64-bit number, the last one given."""
        found = default
        for number, kind, value in self.fields(data):
            if number == wanted and kind == VARINT and isinstance(value, int):
                found = value - (1 << 64) if value >= 1 << 63 else value
        return found


def _length(data: memoryview, at: int, kind: int) -> tuple[int, int]:
    """How many bytes the field at `at` holds, and where they start."""
    if kind == BYTES:
        length, at = varint(data, at)
    elif kind in (FIXED32, FIXED64):
        length = 4 if kind == FIXED32 else 8
    else:
        raise WireError(f"wire type {kind} before byte {at}")
    if length > len(data) - at:
        raise WireError(f"a field of {length} bytes at byte {at} runs past the end")
    return length, at
