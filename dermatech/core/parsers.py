"""JSON as RFC 8259 has it: UTF-8, no NaN or Infinity, no duplicate keys, no half characters, bounded
depth and size."""

import json
import re
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from dermatech.core.errors import PayloadTooLarge

MAX_DEPTH = 32
_HALF = re.compile("[\ud800-\udfff]")


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name occurs twice in one object")
    return result


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            if isinstance(node, (dict, list))
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not level:
            return
    raise ValueError(f"it is nested more than {MAX_DEPTH} levels deep")


def _check_text(raw: bytes, value: Any) -> None:
    """Half of a surrogate pair ("\\ud800") is no character: no answer could repeat it."""
    if b"\\u" in raw and _HALF.search(json.dumps(value, ensure_ascii=False)):
        raise ValueError("a text holds half of a surrogate pair")


def loads(raw: bytes) -> Any:
    """Strict JSON; raises ParseError with a sentence for a person."""
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_unique_pairs)
        _check_depth(value)
        _check_text(raw, value)
    except (ValueError, RecursionError) as error:
        raise ParseError(f"The body is not valid JSON: {error}.") from error
    return value


class StrictJSONParser(BaseParser):
    """application/json, read strictly."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise PayloadTooLarge(f"A JSON body may have at most {limit:,} bytes.")
        return loads(raw)
