"""The bytes of an upload: files that are only ever added, each named by the row once it is written."""

import hashlib
import io
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, BinaryIO, Final

from consultations.models import Upload
from consultations.services import storage
from consultations.uploads.holding import Hold
from dermatech.core.errors import DomainError

# A cut costs at most the last READ bytes, an end of the process at most SOME bytes or EVERY seconds.
READ: Final = 1024
SOME: Final = 256 * 1024
EVERY: Final = 1.0
# Many small parts become one, so that a row and a folder stay small whatever the network does.
MOST_PARTS: Final = 64
ALGORITHMS: Final = ("sha1", "sha256")

Part = Mapping[str, Any]


class ChecksumMismatch(DomainError):
    """460 of the tus protocol."""

    status = 460
    code = "checksum_mismatch"
    detail = "These bytes were damaged on the way and were not kept; send them again."


class CutOff(DomainError):
    """The connection ended before its declared length; rarely is anybody left to read this."""

    status = HTTPStatus.BAD_REQUEST
    code = "malformed_request"
    detail = "The request was cut off; ask by HEAD how many bytes arrived, and go on from there."


@dataclass(slots=True)
class Checksum:
    """What a request says about its own bytes."""

    algorithm: str
    value: bytes


@dataclass(slots=True)
class Writer:
    """Appends to an upload that is held. With a checksum nothing counts before the last byte fits."""

    held: Hold
    received: int
    parts: list[Part]
    checksum: Checksum | None = None
    _buffer: bytearray = field(default_factory=bytearray)
    _pending: list[Part] = field(default_factory=list)
    _since: float = field(default_factory=time.monotonic)

    def take(self, source: BinaryIO, length: int) -> None:
        """Append `length` bytes of `source`. Raises CutOff (what came is kept), ChecksumMismatch (it is
        not), Locked, StorageUnavailable."""
        digest = hashlib.new(self.checksum.algorithm, usedforsecurity=False) if self.checksum else None
        try:
            self._read(source, length, digest)
            if digest is not None and self.checksum and digest.digest() != self.checksum.value:
                raise ChecksumMismatch
            self._write()
            self._keep()
        except BaseException:
            storage.discard(part["file"] for part in self._pending)
            raise

    def _read(self, source: BinaryIO, length: int, digest: Any) -> None:
        left = length
        while left:
            try:
                piece = source.read(min(READ, left))
            except OSError as error:  # the network is gone; Django's word for it is an OSError too
                self._cut(error)
            if not piece:
                self._cut(None)
            left -= len(piece)
            self._buffer += piece
            if digest is not None:
                digest.update(piece)
            if len(self._buffer) >= SOME or time.monotonic() - self._since > EVERY:
                self._write()
                if self.checksum is None:
                    self._keep()
                else:
                    self.held.change()

    def _cut(self, error: Exception | None) -> None:
        if self.checksum is None:
            self._write()
            self._keep()
        raise CutOff from error

    def _write(self) -> None:
        """The buffer as a file that no row names yet."""
        if self._buffer:
            start = self.received + sum(part["bytes"] for part in self._pending)
            self._pending.append(_written(self.held, start, bytes(self._buffer)))
            self._buffer.clear()
        self._since = time.monotonic()

    def _keep(self) -> None:
        """Name the files in the row. From here on their bytes have arrived."""
        more = sum(part["bytes"] for part in self._pending)
        if not more:
            return
        parts, fresh = [*self.parts, *self._pending], self._pending
        merging = len(parts) > MOST_PARTS
        if merging:
            parts = [_written(self.held, 0, b"".join(_read_part(part) for part in parts))]
            self._pending = [*fresh, *parts]  # what goes again should the row not take it
        self.held.change(parts=parts, received=self.received + more)
        old = [*self.parts, *fresh]
        self.parts, self.received, self._pending = parts, self.received + more, []
        if merging:
            discard(old)


class Joined(io.RawIOBase):
    """All parts as one file, one of them in memory at a time."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._waiting = list(parts)
        self._current = io.BytesIO()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not (taken := self._current.readinto(buffer)) and self._waiting:
            self._current = io.BytesIO(_read_part(self._waiting.pop(0)))
        return taken


def discard(parts: Iterable[Part]) -> None:
    """Delete files that no row names any more."""
    storage.discard(part["file"] for part in parts)


def names(upload: Upload) -> list[str]:
    """The files of an upload."""
    return [str(part["file"]) for part in upload.parts]


def _written(held: Hold, start: int, content: bytes) -> Part:
    sealed = bool(storage.key_in_use())
    name = f"{storage.UPLOADS}{held.upload_id}-{start:08d}-{secrets.token_hex(4)}"
    return {"file": storage.write(name, content), "bytes": len(content), "sealed": sealed}


def _read_part(part: Part) -> bytes:
    content = storage.read(part["file"], sealed=part["sealed"])
    if len(content) != part["bytes"]:
        raise storage.PictureDamaged
    return content
