"""Keyset pages, newest first on (created_at, id): page 5,000 costs what page 1 costs."""

import base64
import binascii
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db.models import Q, QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework.request import Request
from rest_framework.response import Response

from dermatech.core.errors import ValidationFailed
from dermatech.core.prepared import Reader

M = TypeVar("M", bound=Any)

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
PARAMETERS = ("cursor", "page_size", "updated_since")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two rows and the direction to read from there."""

    created_at: datetime
    id: uuid.UUID
    backwards: bool

    def encode(self) -> str:
        """Opaque text for a URL."""
        raw = json.dumps([self.created_at.isoformat(), str(self.id), self.backwards])
        return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """The cursor behind `text`; raises ValidationFailed."""
        try:
            raw = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            moment, row_id, backwards = raw
            created_at = datetime.fromisoformat(moment)
            if created_at.tzinfo is None:
                raise ValueError("naive time")
            return cls(created_at, uuid.UUID(row_id), bool(backwards))
        except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError, OverflowError):
            raise ValidationFailed.of(
                "cursor", "invalid_cursor", "This cursor is not one of ours; start from the first page."
            ) from None


def page_size(request: Request) -> int:
    """`page_size` of the request, 1 to 100."""
    raw = request.query_params.get("page_size")
    if raw is None:
        return DEFAULT_PAGE_SIZE
    if not (raw.isascii() and raw.isdigit()) or not 1 <= int(raw[:4]) <= MAX_PAGE_SIZE or len(raw) > 3:
        raise ValidationFailed.of("page_size", "invalid", f"Give a whole number from 1 to {MAX_PAGE_SIZE}.")
    return int(raw)


def updated_since(request: Request) -> datetime | None:
    """`updated_since` of the request as UTC; raises ValidationFailed for anything but RFC 3339."""
    raw = request.query_params.get("updated_since")
    if raw is None:
        return None
    try:
        # A literal "+" of an offset arrives as a space when the client forgot to quote it.
        moment = parse_datetime(raw.replace(" ", "+") if raw.count("T") == 1 else raw)
        if moment is None or moment.tzinfo is None:
            raise ValueError(raw)
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValidationFailed.of(
            "updated_since", "invalid", "Give an RFC 3339 time with an offset, as 2026-01-31T08:00:00Z."
        ) from None


def paginate(request: Request, source: QuerySet[M] | Reader[M]) -> tuple[list[M], str | None, str | None]:
    """One page of `source` (rows with `created_at` and `id`), and the URLs of its neighbours."""
    read = _reader(source) if isinstance(source, QuerySet) else source
    size = page_size(request)
    text = request.query_params.get("cursor")
    cursor = Cursor.decode(text) if text is not None else None
    backwards = cursor is not None and cursor.backwards
    order = ("created_at", "id") if backwards else ("-created_at", "-id")
    rows = read(_beyond(cursor), order, size + 1)
    more, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
    has_next = bool(rows) and (backwards or more)
    has_previous = bool(rows) and (more if backwards else cursor is not None)
    return (
        rows,
        _url(request, rows[-1], backwards=False) if has_next else None,
        _url(request, rows[0], backwards=True) if has_previous else None,
    )


def _beyond(cursor: Cursor | None) -> Q:
    """The rows on the far side of a cursor."""
    if cursor is None:
        return Q()
    edge = "gt" if cursor.backwards else "lt"
    # The first condition says nothing new: it lets an index begin at the cursor, which no `OR` does.
    return Q(**{f"created_at__{edge}e": cursor.created_at}) & (
        Q(**{f"created_at__{edge}": cursor.created_at})
        | Q(**{"created_at": cursor.created_at, f"id__{edge}": cursor.id})
    )


def _reader(queryset: QuerySet[M]) -> Reader[M]:
    def read(where: Q, order: tuple[str, ...], limit: int) -> list[M]:
        return list(queryset.filter(where).order_by(*order)[:limit])

    return read


def _url(request: Request, row: Any, *, backwards: bool) -> str:
    query = request.query_params.copy()
    query["cursor"] = Cursor(row.created_at, row.id, backwards).encode()
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")


def page_response(
    request: Request, queryset: QuerySet[M], render: Callable[[Sequence[M]], list[Any]]
) -> Response:
    """The contract's list shape, rows rendered by `render`."""
    rows, following, previous = paginate(request, queryset)
    return Response({"next": following, "previous": previous, "results": render(rows)})
