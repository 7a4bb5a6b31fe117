"""Passwords that stood in somebody's leak: a file of sorted SHA-1s, looked up by bisection on the disk.

The file is the one that Have I Been Pwned's downloader writes: a line per password, forty hex digits,
then ":" and how often it was seen. Lines may end in LF or CRLF, in capitals or not, and the digits may be
cut to save room (sixteen of them still tell a billion passwords apart). Nothing is asked of any network.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FEWEST_DIGITS: Final = 16
_LINE: Final = re.compile(rb"([0-9A-Fa-f]{16,40})(?::\d+)?")
# Longer than any line of the format, so that one read always holds a whole one.
_WINDOW: Final = 128


class NotAList(ValueError):
    """The file is missing, empty, of another format or not sorted. The text says which, for an operator."""


@dataclass(frozen=True, slots=True)
class BreachedList:
    """A file of sorted hashes. About 35 short reads find one among a billion."""

    path: Path

    def holds(self, password: str) -> bool:
        """Whether `password` is in the list. Raises NotAList, OSError."""
        # SHA-1 is the format's; it protects nothing here.
        wanted = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
        with self._open() as file:
            low, high = 0, file.size
            while low < high:
                middle = (low + high) // 2
                start, key = file.line_at_or_after(middle)
                if not key or start >= high:  # no line begins between the middle and the end
                    high = middle
                elif wanted.startswith(key):
                    return True
                elif key < wanted:
                    low = start + 1
                else:
                    high = middle
        return False

    def check(self, *, samples: int = 1_000) -> None:
        """Raise NotAList unless the file is of the format and, looked at in `samples` places, sorted."""
        try:
            with self._open() as file:
                if not file.size:
                    raise NotAList("is empty")
                before = b""
                for key in file.spread(samples):
                    if key < before:
                        raise NotAList("is not sorted by hash (sort it with LC_ALL=C sort)")
                    before = key
        except OSError as error:
            raise NotAList(f"cannot be read: {error.strerror}") from None

    def _open(self) -> "_Lines":
        return _Lines(os.open(self.path, os.O_RDONLY))


@dataclass(frozen=True, slots=True)
class _Lines:
    """An open file, read a line at a time from anywhere."""

    handle: int

    def __enter__(self) -> "_Lines":
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self.handle)

    @property
    def size(self) -> int:
        return os.fstat(self.handle).st_size

    def line_at_or_after(self, offset: int) -> tuple[int, bytes]:
        """(where it begins, its digits in capitals) of the first line that begins at or after `offset`;
        no digits at the end of the file. Raises NotAList."""
        start = offset
        if offset:
            # A line begins here only if one ends right before.
            part = os.pread(self.handle, _WINDOW, offset - 1)
            end = part.find(b"\n")
            if end < 0 and len(part) == _WINDOW:
                raise NotAList("has lines that are no hashes")
            if end < 0:
                return self.size, b""
            start = offset + end
        line = os.pread(self.handle, _WINDOW, start).partition(b"\n")[0].rstrip(b"\r")
        if not line:
            return self.size, b""
        found = _LINE.fullmatch(line)
        if found is None:
            raise NotAList("has lines that are no SHA-1 hashes")
        return start, found[1].upper()

    def spread(self, samples: int) -> Iterator[bytes]:
        """The digits of lines spread evenly, pairs of neighbours among them; all of a small file."""
        step = max(1, self.size // samples)
        at = 0
        while at < self.size:
            for _ in range(2):
                start, key = self.line_at_or_after(at)
                if not key:
                    return
                yield key
                at = start + 1
            at = max(at, start + step)
