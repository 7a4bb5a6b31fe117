"""Query parameters of the formulary API, read strictly, and pages over the ids of a release."""

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rest_framework.request import Request

from dermatech.core.errors import FieldError, ValidationFailed
from dermatech.core.pagination import page_size
from medications.engine.model import FORMS
from medications.selectors import Catalogue, Filters
from medications.serializers import LEGAL_CLASSES, ROUTES

FILTERS = ("condition", "legal_class", "form", "atc", "route")
LONGEST_QUERY = 100
_ATC = re.compile(r"[A-Z](?:\d(?:\d(?:[A-Z](?:[A-Z](?:\d\d?)?)?)?)?)?")


def filters(request: Request, catalogue: Catalogue) -> Filters:
    """The filters asked for. Raises ValidationFailed naming each word that is not known."""
    asked = {name: request.query_params.get(name) for name in FILTERS}
    choices: dict[str, Iterable[str]] = {
        "condition": sorted(catalogue.conditions),
        "legal_class": LEGAL_CLASSES,
        "form": FORMS,
        "route": ROUTES,
    }
    errors = [
        FieldError(name, "invalid_choice", _known(name, words))
        for name, words in choices.items()
        if (word := asked[name]) is not None and word not in words
    ]
    atc = asked["atc"]
    if atc is not None:
        atc = asked["atc"] = atc.upper()
        if not _ATC.fullmatch(atc):
            errors.append(FieldError("atc", "invalid", "Give an ATC code or its beginning, as D01AC."))
    if errors:
        raise ValidationFailed(errors=errors)
    return Filters(**asked)


def search_text(request: Request) -> str:
    """`q` of the request. Raises ValidationFailed where it is missing, too long or without a letter."""
    text = request.query_params.get("q", "").strip()
    if not text:
        raise ValidationFailed.of("q", "required", "Say what to search for, as ?q=clotrimazole.")
    if len(text) > LONGEST_QUERY:
        raise ValidationFailed.of("q", "max_length", f"Search for at most {LONGEST_QUERY} characters.")
    return text


def page(request: Request, ids: Sequence[str], render: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    """The contract's list shape over sorted ids; a cursor names the id that a page starts after or
    ends before, so that pages stay whole when the release changes between them."""
    size = page_size(request)
    edge, backwards = _cursor(request.query_params.get("cursor"))
    if edge is None:
        start = 0
    elif backwards:
        start = max(sum(1 for key in ids if key < edge) - size, 0)
    else:
        start = sum(1 for key in ids if key <= edge)
    stop = sum(1 for key in ids if key < edge) if edge is not None and backwards else start + size
    rows = ids[start:stop]
    return {
        "next": _url(request, rows[-1], backwards=False) if rows and start + len(rows) < len(ids) else None,
        "previous": _url(request, rows[0], backwards=True) if rows and start > 0 else None,
        "results": [render(key) for key in rows],
    }


def _known(name: str, words: Iterable[str]) -> str:
    if name == "condition":
        return "There is no such condition; see /api/v1/triage/conditions."
    return f"Known: {', '.join(words)}."


def _cursor(text: str | None) -> tuple[str | None, bool]:
    if text is None:
        return None, False
    try:
        edge, backwards = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if not isinstance(edge, str) or not isinstance(backwards, bool):
            raise ValueError(text)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise ValidationFailed.of(
            "cursor", "invalid_cursor", "This cursor is not one of ours; start from the first page."
        ) from None
    return edge, backwards


def _url(request: Request, edge: str, *, backwards: bool) -> str:
    query = request.query_params.copy()
    query["cursor"] = base64.urlsafe_b64encode(json.dumps([edge, backwards]).encode()).decode().rstrip("=")
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
