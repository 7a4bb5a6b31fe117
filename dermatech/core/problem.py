"""RFC 9457 problem details: the one shape of every error."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse

from dermatech.core import context
from dermatech.core.errors import FieldError

CONTENT_TYPE = "application/problem+json"
# An answer must not grow with the nonsense that it answers.
MOST_ERRORS = 100
LONGEST_NAME = 200
# What is said when nobody said anything more specific: status -> (code, detail).
DEFAULTS: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The request could not be understood."),
    401: ("not_authenticated", "Sign in first."),
    403: ("permission_denied", "Your role does not allow this."),
    404: ("not_found", "There is nothing at this address that you may see."),
    405: ("method_not_allowed", "This address does not know that method."),
    406: ("not_acceptable", "This address answers in JSON only."),
    410: ("gone", "It was here and came to its end."),
    413: ("payload_too_large", "The upload is larger than this server accepts."),
    415: ("unsupported_media_type", "This kind of content is not accepted here."),
    423: ("locked", "Another request holds it; try again in a moment."),
    460: ("checksum_mismatch", "The bytes were damaged on the way; send them again."),
    500: ("internal_error", "Something went wrong on our side. It was recorded with this request id."),
    503: ("unavailable", "A part of the service is not available; try again shortly."),
}
# A status of the tus protocol that HTTP itself does not know.
_OF_TUS = {460: "Checksum Mismatch"}


def body(
    status: int, *, code: str = "", detail: str = "", errors: Sequence[FieldError] = ()
) -> dict[str, Any]:
    """The problem document for `status`."""
    title = _OF_TUS.get(status) or HTTPStatus(status).phrase
    default_code, default_detail = DEFAULTS.get(status, ("error", title))
    code = code or default_code
    document: dict[str, Any] = {
        "type": f"urn:dermatech:problem:{code}",
        "title": title,
        "status": int(status),
        "detail": detail or default_detail,
        "code": code,
        "request_id": context.current().request_id,
    }
    if errors:
        document["errors"] = [
            {"field": e.field[:LONGEST_NAME], "code": e.code, "message": e.message}
            for e in errors[:MOST_ERRORS]
        ]
    return document


def problem_response(
    status: int, *, code: str = "", detail: str = "", headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """A problem as a plain Django response, for what happens outside DRF."""
    content = json.dumps(body(status, code=code, detail=detail), ensure_ascii=False)
    return HttpResponse(content, status=status, content_type=CONTENT_TYPE, headers=dict(headers or {}))
