"""One spelling for one value: the bytes that are hashed, after RFC 8785 (JCS)."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID


def canonical_json(value: Any) -> str:
    """`value` with sorted keys and no spaces, as text that encodes to UTF-8.

    Raises TypeError on anything that has no plain JSON form and ValueError on NaN and infinity.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def utc_text(moment: datetime) -> str:
    """RFC 3339 in UTC with six decimals, always the same width: sorts as text like as time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def clean_text(text: str, limit: int) -> str:
    """`text` without what a database or UTF-8 refuses (NUL, lone surrogates), at most `limit` long."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")[:limit]


def plain(value: Any) -> Any:
    """`value` reduced to JSON types: times as RFC 3339, Decimal and UUID as text, sets sorted."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, datetime):
        return utc_text(value) if value.tzinfo else value.isoformat()
    if isinstance(value, date | Decimal | UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=canonical_json)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no plain form for the audit log")
