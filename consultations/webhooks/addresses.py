"""Where a message may go: public HTTPS addresses. What a name leads to is looked at before every try, and
the connection is made to the very address that was looked at."""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]

_PORTS: Final = {"https": 443, "http": 80}
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_HIGHEST_PORT: Final = 65_535


class AddressRefused(ValueError):
    """A message must not go there; `code` is for machines."""

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Target:
    """An address as it was typed, in parts. `path` has the query with it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """What stands in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str, *, local: bool = False) -> Target:
    """The parts of an address. `local` allows plain http to this machine, for trying things out.

    Raises AddressRefused: `invalid`, `https_required`, `credentials`, `not_public`.
    """
    parts, host, port = _parts(url)
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("credentials", "Leave name and password out: messages are signed.")
    if parts.fragment:
        raise AddressRefused("invalid", "Leave out what begins with #.")
    literal = _literal(host)
    here = host == "localhost" or bool(literal and literal.is_loopback)
    if parts.scheme != "https" and not (parts.scheme == "http" and local and here):
        raise AddressRefused("https_required", "The address must begin with https://.")
    if literal is not None and not permitted(literal, local=local):
        raise AddressRefused("not_public", "This address is not reachable from the internet.")
    path = parts.path or "/"
    return Target(parts.scheme, host, port, f"{path}?{parts.query}" if parts.query else path)


def _parts(url: str) -> tuple[SplitResult, str, int]:
    wrong = AddressRefused("invalid", "Give a whole address, as https://till.example.com/dermatech.")
    if not url.isascii() or any(sign <= " " or sign in '\x7f\\"<>' for sign in url):
        raise wrong  # names in other letters are written in punycode
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise wrong from None
    if not host or parts.scheme not in _PORTS or port == 0:
        raise wrong
    return parts, host, port or _PORTS[parts.scheme]


def _literal(host: str) -> IPAddress | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def permitted(address: IPAddress, *, local: bool = False) -> bool:
    """Whether an address is one of the public internet; with `local`, this machine too. An address that
    only wraps another (mapped, 6to4, NAT64) is judged by the one inside."""
    if local and address.is_loopback:
        return True
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            return False
        inside = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inside = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        if inside is not None:
            return permitted(inside)
        if address.teredo is not None or address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def system_resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a name, as the system finds them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def resolved(target: Target, *, local: bool = False, resolve: Resolve = system_resolve) -> list[IPAddress]:
    """The addresses of a target. One that is not public refuses them all: a name that leads inside as well
    is a trap. Raises AddressRefused `not_found`, `not_public`."""
    try:
        found = [ipaddress.ip_address(each) for each in resolve(target.host, target.port)]
    except (OSError, ValueError) as error:
        raise AddressRefused("not_found", f"{target.host} was not found.") from error
    if not found:
        raise AddressRefused("not_found", f"{target.host} was not found.")
    if not all(permitted(each, local=local) for each in found):
        raise AddressRefused("not_public", f"{target.host} leads to an address that is not public.")
    return found
