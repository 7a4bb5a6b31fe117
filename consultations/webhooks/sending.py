"""One try: one POST to a checked address, without redirects, proxies or cookies, bounded in time."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from consultations.webhooks.addresses import (
    AddressRefused,
    IPAddress,
    Resolve,
    Target,
    parse,
    resolved,
    system_resolve,
)

SECONDS: Final = 10.0
_MOST_READ: Final = 4096
_GONE: Final = 410
_AGENT: Final = "DermaTech-Webhooks/1"


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent where."""

    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """How a try ended. `status` None: there was no answer, `error` says why."""

    status: int | None
    error: str
    milliseconds: int

    @property
    def taken(self) -> bool:
        """Whether the receiver has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the receiver wants nothing any more."""
        return self.status == _GONE


@dataclass(frozen=True, slots=True)
class Sender:
    """How messages are sent. Tests put their own names and certificates in."""

    local: bool = False
    seconds: float = SECONDS
    resolve: Resolve = system_resolve
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def send(self, letter: Letter) -> Answer:
        """Try once. Never raises for what the receiver or the network does."""
        began = time.monotonic()
        status, error = None, ""
        try:
            target = parse(letter.url, local=self.local)
            addresses = resolved(target, local=self.local, resolve=self.resolve)
            status = self._post(target, addresses[0], letter, ends=began + self.seconds)
        except AddressRefused as refused:
            error = refused.detail
        except ssl.SSLError as wrong:
            error = f"No secure connection: {wrong.reason or type(wrong).__name__}"
        except TimeoutError:
            error = f"No answer within {self.seconds:g} seconds."
        except (OSError, http.client.HTTPException) as wrong:
            error = f"{type(wrong).__name__}: {wrong}"
        if status is not None and not 200 <= status < 300:
            error = "Redirects are not followed." if 300 <= status < 400 else f"Answered {status}."
        return Answer(status, error[:200], round((time.monotonic() - began) * 1000))

    def _post(self, target: Target, address: IPAddress, letter: Letter, *, ends: float) -> int:
        connection = _Pinned(target, address, tls=self.tls if target.secure else None, ends=ends)
        # A receiver that sends a byte now and then outlasts every timeout of a socket, not this.
        late = threading.Event()
        timer = threading.Timer(max(0.0, ends - time.monotonic()), connection.cut, args=(late,))
        timer.daemon = True
        timer.start()
        try:
            connection.request("POST", target.path, body=letter.body, headers={
                "Host": target.authority, "User-Agent": _AGENT, "Content-Type": "application/json",
                "Accept-Encoding": "identity", "Connection": "close", **letter.headers,
            })  # fmt: skip
            answer = connection.getresponse()
            if late.is_set():  # what was cut off in the middle of its headers looks complete
                raise TimeoutError
            _read_a_little(answer)
            return answer.status
        except (OSError, http.client.HTTPException) as error:
            raise TimeoutError if late.is_set() else error from None
        finally:
            timer.cancel()
            connection.close()


class _Pinned(http.client.HTTPConnection):
    """A connection to one address, whatever the name leads to by now; the name is what the certificate
    must bear."""

    def __init__(
        self, target: Target, address: IPAddress, *, tls: ssl.SSLContext | None, ends: float
    ) -> None:
        super().__init__(target.host, target.port)
        self._address, self._tls, self._ends = address, tls, ends
        self._raw: socket.socket | None = None

    def connect(self) -> None:
        left = max(0.1, self._ends - time.monotonic())
        self._raw = socket.create_connection((str(self._address), self.port), timeout=left)
        self.sock = self._raw
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self._raw, server_hostname=self.host)

    def cut(self, late: threading.Event) -> None:
        """End it from outside: whoever reads or writes is woken with an error."""
        late.set()
        for each in (self.sock, self._raw):
            if each is not None:
                _shut(each)


def _read_a_little(answer: http.client.HTTPResponse) -> None:
    """So that the receiver is not cut off while it writes; what it says does not matter any more."""
    try:
        answer.read(_MOST_READ)
    except (OSError, http.client.HTTPException):
        return


def _shut(open_socket: socket.socket) -> None:
    try:
        open_socket.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # closed already
