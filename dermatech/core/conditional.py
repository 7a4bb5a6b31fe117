"""Conditional requests (RFC 9110): strong ETags, If-None-Match, If-Match."""

from typing import Any

from django.utils.http import parse_etags, quote_etag
from rest_framework import status as http
from rest_framework.request import Request
from rest_framework.response import Response

from dermatech.core.errors import PreconditionFailed
from dermatech.core.rendering import Written


def matches(header: str, etag: str) -> bool:
    """Whether a list of entity tags names `etag`, weak or strong."""
    tags = parse_etags(header)
    return "*" in tags or etag in (tag.removeprefix("W/") for tag in tags)


def respond(
    request: Request, data: Any, *, etag: str, status: int = http.HTTP_200_OK, max_age: int | None = None
) -> Response:
    """`data` with its ETag, or 304 without a body when the caller has it already.

    `etag` is a bare hash or version; `data` may be a callable, which is not called for a 304, and bytes that
    are JSON already.
    """
    quoted = quote_etag(etag)
    headers = {"ETag": quoted}
    headers["Cache-Control"] = "private, no-cache" if max_age is None else f"private, max-age={max_age}"
    if request.method in ("GET", "HEAD") and matches(request.headers.get("If-None-Match", ""), quoted):
        return Response(status=http.HTTP_304_NOT_MODIFIED, headers=headers)
    body = data() if callable(data) else data
    kind = Written if isinstance(body, bytes) else Response
    return kind(body, status=status, headers=headers)


def check_if_match(request: Request, etag: str) -> None:
    """Raise PreconditionFailed when the caller holds another version; absent, the write is taken."""
    header = request.headers.get("If-Match")
    if header is not None and not matches(header, quote_etag(etag)):
        raise PreconditionFailed
