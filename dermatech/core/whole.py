"""Bodies that arrive whole or not at all.

When a phone loses its network in the middle of an upload, the server's input just ends early, and half of
a multipart body parses as a shorter one: the consultation would be taken without its photo, and
the phone's next try refused because its Idempotency-Key has seen another body.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# A boundary has at most 70 characters; what may follow the last one is an empty line.
_REMEMBERED = 512


class WholeBody:
    """A WSGI input of `length` bytes; its reading fails where the connection ended before."""

    def __init__(self, stream: Any, length: int) -> None:
        self._stream = stream
        self._left = length

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes; raises ConnectionResetError, which Django calls an unreadable post."""
        wanted = self._wanted(size)
        return self._checked(self._stream.read(wanted), wanted) if wanted else b""

    def readline(self, size: int | None = -1) -> bytes:
        """Up to the end of the line; raises as `read` does."""
        wanted = self._wanted(size)
        line: bytes = self._stream.readline(wanted) if wanted else b""
        return self._checked(line, len(line) if line.endswith(b"\n") else wanted)

    def _wanted(self, size: int | None) -> int:
        return self._left if size is None or size < 0 else min(size, self._left)

    def _checked(self, data: bytes, wanted: int) -> bytes:
        self._left -= len(data)
        if len(data) < wanted:
            raise ConnectionResetError("the body ended before its declared length")
        return data


class Ending:
    """A stream that remembers its last bytes."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._last = b""

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._stream.read(size)
        self._last = (self._last + data)[-_REMEMBERED:]
        return data

    def holds(self, words: bytes) -> bool:
        """Whether `words` stand near its end."""
        return words in self._last


def whole_bodies(application: "WSGIApplication") -> "WSGIApplication":
    """`application`, to which a body that was cut off is an error and not a shorter body."""

    def wrapped(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        declared = environ.get("CONTENT_LENGTH") or ""
        if declared.isascii() and declared.isdigit():
            environ["wsgi.input"] = WholeBody(environ["wsgi.input"], int(declared))
        return application(environ, start_response)

    return wrapped
