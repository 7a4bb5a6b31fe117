"""What gunicorn answers to a request that never reached Django: the contract's shape, not its own page."""

import json
from http import HTTPStatus
from socket import socket
from typing import Final

from dermatech.core import problem
from dermatech.core.context import RequestContext, bound
from dermatech.core.ids import uuid7

_WORDS: Final = {
    HTTPStatus.BAD_REQUEST: ("malformed_request", "The request is not sound HTTP; send it again."),
    HTTPStatus.REQUEST_URI_TOO_LONG: ("uri_too_long", "The address is longer than this server reads."),
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: (
        "headers_too_large",
        "The headers are more than this server reads.",
    ),
}


def answer(status: int) -> bytes:
    """A whole HTTP answer; nothing of the request is repeated in it."""
    known = HTTPStatus(status)
    code, detail = _WORDS.get(known, ("", ""))
    with bound(RequestContext(request_id=str(uuid7()))) as context:
        body = json.dumps(problem.body(status, code=code, detail=detail)).encode()
    head = (
        f"HTTP/1.1 {status} {known.phrase}\r\nConnection: close\r\nContent-Type: {problem.CONTENT_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nX-Request-ID: {context.request_id}\r\n"
        "X-Content-Type-Options: nosniff\r\n\r\n"
    )
    return head.encode("ascii") + body


def write_error(sock: socket, status_int: int, _reason: str, _mesg: str) -> None:
    """Takes the place of gunicorn.util.write_error."""
    from gunicorn import util  # type: ignore[import-untyped]

    util.write_nonblock(sock, answer(status_int))
