"""A phone's connection: slow, and cut after a chosen number of bytes."""

import contextlib
import gzip
import json
import select
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

# How a connection ends: with a word, with a slap, or by silence (the server learns nothing).
End = Literal["closed", "reset", "silent"]
ENDS: tuple[End, ...] = ("closed", "reset", "silent")
_STEP = 512
_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. Header names are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received: int = 0
    """Bytes on the wire, with the headers."""

    def json(self) -> Any:
        return json.loads(self.body)


class Link:
    """To one server on this machine, at `rate` bytes a second upwards (0: as fast as it goes)."""

    def __init__(self, port: int, *, token: str, rate: int = 0) -> None:
        self._port, self._token, self._rate = port, token, rate
        self._silent: list[socket.socket] = []
        self.sent = 0

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        cut_after: int | None = None,
        end: End = "closed",
        read_at_most: int | None = None,
    ) -> Reply | None:
        """The answer; None where the connection was cut, after `cut_after` bytes of the body. A server may
        answer before it has heard everything."""
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=_TIMEOUT)
        kept = False
        try:
            head = _head(method, path, self._token, {**(headers or {})}, len(body))
            early = not self._send(connection, head, 0) or not self._send(
                connection, body if cut_after is None else body[:cut_after], self._rate
            )
            if cut_after is None or early:
                return _reply(connection, method, read_at_most)
            kept = end == "silent"
            if kept:
                self._silent.append(connection)
            elif end == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return None
        finally:
            if not kept:
                connection.close()

    def _send(self, connection: socket.socket, data: bytes, rate: int) -> bool:
        """Whether all of it went; not where the server has answered already."""
        for at in range(0, len(data), _STEP):
            piece = data[at : at + _STEP]
            if select.select([connection], [], [], 0)[0]:
                return False
            try:
                connection.sendall(piece)
            except OSError:
                return False
            self.sent += len(piece)
            if rate:
                time.sleep(len(piece) / rate)
        return True

    def close(self) -> None:
        """The silent connections end at last."""
        for connection in self._silent:
            with contextlib.suppress(OSError):
                connection.close()


def _head(method: str, path: str, token: str, headers: dict[str, str], length: int) -> bytes:
    lines = [f"{method} /api/v1{path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    lines += [f"Authorization: Bearer {token}", "Accept: application/json", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _reply(connection: socket.socket, method: str, at_most: int | None = None) -> Reply:
    """`at_most`: so many bytes are read of it, and the rest is lost."""
    data = b""
    with contextlib.suppress(ConnectionResetError):  # it did not wait for what we had still to say
        while piece := connection.recv(at_most or 65536):
            data += piece
            if at_most:
                return Reply(0, {}, data)
    if not data:
        return Reply(0, {}, b"")
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    if headers.get("transfer-encoding") == "chunked":
        body = _unchunked(body)
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return Reply(int(first.split()[1]), headers, b"" if method == "HEAD" else body, len(data))


def _unchunked(data: bytes) -> bytes:
    whole = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        whole, data = whole + data[:length], data[length + 2 :]
        if not length:
            break
    return whole
