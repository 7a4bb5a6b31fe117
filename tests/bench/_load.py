"""Phones that ask one server the same thing as fast as it answers, for a bounded time."""

import socket
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Load:
    """What came back: requests a second of all phones together, and each one's milliseconds."""

    rate: float
    times: Sequence[float]

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.times, n=100)[98]


def request(path: str, **headers: str) -> bytes:
    """One GET over HTTP/1.1, kept alive."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def ask(port: int, message: bytes) -> tuple[int, bytes]:
    """Status and body of one answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        return _exchange(connection, message)


def press(port: int, message: bytes, *, expected: int, phones: int = 8, seconds: float = 3.0) -> Load:
    """Raises RuntimeError when an answer has another status than `expected`."""
    times: list[list[float]] = [[] for _ in range(phones)]
    wrong: list[int] = []
    until = time.perf_counter() + seconds

    def phone(mine: list[float]) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            while (began := time.perf_counter()) < until:
                status, _ = _exchange(connection, message)
                mine.append((time.perf_counter() - began) * 1000)
                if status != expected:
                    wrong.append(status)
                    return

    threads = [threading.Thread(target=phone, args=(mine,)) for mine in times]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    if wrong:
        raise RuntimeError(f"port {port} answered {wrong[0]} to {message[:80]!r}")
    flat = [each for mine in times for each in mine]
    return Load(len(flat) / took, flat)


def _exchange(connection: socket.socket, message: bytes) -> tuple[int, bytes]:
    connection.sendall(message)
    data = b""
    while _END_OF_HEAD not in data:
        data += _piece(connection)
    head, _, body = data.partition(_END_OF_HEAD)
    status = int(head[9:12])
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    length = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < length:
        body += _piece(connection)
    return status, body


def _piece(connection: socket.socket) -> bytes:
    piece = connection.recv(1 << 18)
    if not piece:
        raise RuntimeError("the server closed the connection in the middle of an answer")
    return piece
