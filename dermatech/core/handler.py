"""Turns every exception of an API view into problem details."""

import logging
import math
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, TooManyFilesSent
from django.db import OperationalError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from dermatech.core import problem
from dermatech.core.errors import (
    DomainError,
    FieldError,
    NotFound,
    PayloadTooLarge,
    Unavailable,
    ValidationFailed,
)
from dermatech.core.rendering import JSONRenderer

logger = logging.getLogger(__name__)
NON_FIELD = "non_field_errors"


def problem_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER. Returns None for what is a defect of ours: Django then logs it and
    the middleware answers 500 in the same shape."""
    error = _as_domain_error(exc)
    if error is None:
        return None
    set_rollback()
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        cause = None if exc is error else exc
        logger.warning("answering %s: %s", error.status, error.detail, exc_info=cause)
    document = problem.body(error.status, code=error.code, detail=error.detail, errors=error.errors)
    response = Response(document, status=error.status, headers=error.headers)
    response.content_type = problem.CONTENT_TYPE
    if (request := context.get("request")) is not None:
        # Whatever this address answers otherwise (a page, YAML, a picture), a problem is JSON.
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), problem.CONTENT_TYPE
    return response


def _as_domain_error(exc: Exception) -> DomainError | None:
    if isinstance(exc, DomainError):
        return exc
    if isinstance(exc, Http404):
        return NotFound()
    if isinstance(exc, exceptions.ValidationError):
        return ValidationFailed(errors=list(flatten(exc.get_full_details())))
    if isinstance(exc, (RequestDataTooBig, TooManyFilesSent)):
        return PayloadTooLarge()
    if isinstance(exc, (SuspiciousOperation, UnreadablePostError)):
        return DomainError("The request was cut off or malformed; send it again.", code="malformed_request")
    if isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    if isinstance(exc, OperationalError):
        return Unavailable("The database did not answer in time; try again shortly.", code="database_busy")
    if isinstance(exc, exceptions.APIException):
        return _from_drf(exc)
    return None


def _from_drf(exc: exceptions.APIException) -> DomainError:
    default_code, default_detail = problem.DEFAULTS.get(exc.status_code, ("", ""))
    codes = exc.get_codes()
    code = codes if isinstance(codes, str) and codes != "error" else default_code
    if isinstance(exc, exceptions.ParseError):
        code, default_detail = "malformed_request", str(exc.detail)
    if isinstance(exc, exceptions.MethodNotAllowed):
        default_detail = f"{str(exc.detail).rstrip('.')}."
    error = DomainError(default_detail or str(exc.detail), code=default_code or code)
    if isinstance(exc, exceptions.ParseError):
        error.code = "malformed_request"
    error.status = exc.status_code
    if header := getattr(exc, "auth_header", None):
        error.headers["WWW-Authenticate"] = header
    if wait := getattr(exc, "wait", None):
        error.headers["Retry-After"] = str(math.ceil(wait))
        error.code = "throttled"
    return error


def flatten(details: Any, path: str = "") -> Iterator[FieldError]:
    """DRF's nested error details as flat field errors with dotted paths."""
    if isinstance(details, Mapping) and set(details) == {"message", "code"}:
        yield FieldError(path or NON_FIELD, str(details["code"]), str(details["message"]))
    elif isinstance(details, Mapping):
        for key, value in details.items():
            inner = path if key == NON_FIELD else f"{path}.{key}" if path else str(key)
            yield from flatten(value, inner)
    elif isinstance(details, list):
        for index, value in enumerate(details):
            leaf = isinstance(value, Mapping) and set(value) == {"message", "code"}
            if value:
                yield from flatten(value, path if leaf else f"{path}.{index}" if path else str(index))
