"""Gunicorn's threaded worker, but a thread is given to a request only when all of it is there.

Requests are collected by the one loop that waits for all connections at once, small ones in memory and
large ones in a temporary file. Whoever sends slowly so costs a socket and a little memory, and never one of
the few threads: 500 phones on a bad network, or one attacker, hold up nobody else.
"""

import os
import selectors
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gunicorn.http.unreader import SocketUnreader  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

PIECE = 65_536
# Of headers and body together; what is longer is handed over, for the application to refuse.
MOST_COLLECTED = 12_000_000
IN_MEMORY = 262_144
# For the headers, however steadily they trickle in; a body may take its time.
HEADER_SECONDS = 60.0
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Collected(SocketUnreader):  # type: ignore[misc]
    """Reads what was collected, and then the socket."""

    def __init__(self, sock: Any, spool: Any) -> None:
        super().__init__(sock)
        self._spool = spool

    def chunk(self, size_hint: int | None = None) -> bytes:
        if self._spool is not None:
            data: bytes = self._spool.read(max(PIECE, size_hint or 0))
            if data:
                return data
            self._spool.close()
            self._spool = None
        return bytes(super().chunk(size_hint))


@dataclass(slots=True, eq=False)
class Arriving:
    """A request of which some has come. `wanted` bytes in all, None while that is not known."""

    conn: Any
    head: bytearray = field(default_factory=bytearray)
    spool: Any = None
    size: int = 0
    wanted: int | None = None
    chunked: bool = False
    tail: bytes = b""
    began: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)

    def take(self, piece: bytes) -> None:
        self.size += len(piece)
        self.heard = time.monotonic()
        self.tail = (self.tail + piece)[-5:]
        if self.wanted is None and not self.chunked:
            self.head += piece
            self._read_head()
        elif self.spool is None:
            self.head += piece
            if len(self.head) > IN_MEMORY:
                self.spool = tempfile.TemporaryFile()  # noqa: SIM115  # closed when it was read
                self.spool.write(self.head)
                self.head.clear()
        else:
            self.spool.write(piece)

    @property
    def whole(self) -> bool:
        """Whether a thread has something to do: all is there, or too much of it."""
        if self.size >= MOST_COLLECTED or (self.wanted is None and len(self.head) > PIECE):
            return True
        if self.chunked:
            return self.tail == b"0\r\n\r\n"
        return self.wanted is not None and self.size >= self.wanted

    def next_piece(self) -> int:
        """How much to read now, so that a next request on the connection stays where it is."""
        return PIECE if self.wanted is None else max(1, min(PIECE, self.wanted - self.size))

    def _read_head(self) -> None:
        end = self.head.find(b"\r\n\r\n")
        if end < 0:
            return
        length = 0
        for line in bytes(self.head[:end]).split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            name, value = name.strip().lower(), value.strip().lower()
            if name == b"content-length" and value.isdigit():
                length = int(value[:20])
            elif name == b"transfer-encoding" and b"chunked" in value:
                self.chunked = True
            elif name == b"expect" and value == b"100-continue":
                self.conn.sock.send(_CONTINUE)
        self.wanted = None if self.chunked else end + 4 + length

    def close(self) -> None:
        if self.spool is not None:
            self.spool.close()


class WaitingWorker(ThreadWorker):  # type: ignore[misc]
    """See above. Behind TLS of its own it is gunicorn's worker unchanged."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.arriving: set[Arriving] = set()
        self.silent_seconds = float(os.environ.get("WEB_RECEIVE_SECONDS") or "20")

    def enqueue_req(self, conn: Any) -> None:
        """Collect first; `_hand_over` gives it to a thread."""
        if self.cfg.is_ssl:
            super().enqueue_req(conn)
            return
        new = Arriving(conn)
        if conn.parser is not None:
            rest = conn.parser.unreader.take_buffered()
            if rest:
                new.take(rest)
        conn.sock.setblocking(False)
        self.arriving.add(new)
        if new.whole:
            self._hand_over(new)
            return
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_arrival, new))
        self._on_arrival(new, conn.sock)  # most requests are there already

    def _on_arrival(self, arriving: Arriving, sock: Any) -> None:
        try:
            piece = sock.recv(arriving.next_piece())
            if piece:
                arriving.take(piece)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._drop(arriving)
            return
        if not piece and not arriving.size:
            self._drop(arriving)
        elif not piece or arriving.whole:  # the application says what it thinks of half a request
            self.poller.unregister(sock)
            self._hand_over(arriving)

    def _hand_over(self, arriving: Arriving) -> None:
        self.arriving.discard(arriving)
        conn = arriving.conn
        conn.data_ready = True
        conn.init()
        if arriving.spool is not None:
            arriving.spool.seek(0)
            conn.parser.unreader = Collected(conn.sock, arriving.spool)
        else:
            conn.parser.unreader.unread(bytes(arriving.head))
        super().enqueue_req(conn)

    def _drop(self, arriving: Arriving) -> None:
        self.arriving.discard(arriving)
        with suppress(KeyError, ValueError, OSError):
            self.poller.unregister(arriving.conn.sock)
        self.nr_conns -= 1
        arriving.close()
        arriving.conn.close()

    def murder_pending(self) -> None:
        """Every second: whoever says nothing more, or does not come to the end of the headers, goes. When
        we are to stop, so do connections on which nothing was asked."""
        super().murder_pending()
        now = time.monotonic()
        for each in list(self.arriving):
            silent = now - each.heard > self.silent_seconds
            endless = each.wanted is None and not each.chunked and now - each.began > HEADER_SECONDS
            if silent or endless or (not self.alive and not each.size):
                self._drop(each)
