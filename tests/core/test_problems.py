"""Every error has one shape, whatever raised it."""

from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import OperationalError
from rest_framework import exceptions, serializers

from dermatech.core.errors import Conflict, FieldError, Unavailable, ValidationFailed
from dermatech.core.handler import flatten, problem_handler

SHAPE = {"type", "title", "status", "detail", "code", "request_id"}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Conflict(), 409, "conflict"),
        (Unavailable(), 503, "unavailable"),
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.PermissionDenied(), 403, "permission_denied"),
        (exceptions.NotFound(), 404, "not_found"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.NotAcceptable(), 406, "not_acceptable"),
        (exceptions.UnsupportedMediaType("text/csv"), 415, "unsupported_media_type"),
        (exceptions.ParseError("broken"), 400, "malformed_request"),
        (exceptions.Throttled(wait=3.2), 429, "throttled"),
        (RequestDataTooBig(), 413, "payload_too_large"),
        (SuspiciousOperation("path"), 400, "malformed_request"),
        (OperationalError("database is locked"), 503, "database_busy"),
    ],
)
def test_every_known_error_becomes_a_problem(error: Exception, status: int, code: str) -> None:
    response = problem_handler(error, {})
    assert response is not None
    assert response.status_code == status
    assert set(response.data) == SHAPE
    assert response.data["code"] == code
    assert response.data["status"] == status
    assert response.data["type"] == f"urn:dermatech:problem:{code}"


def test_a_defect_of_ours_is_left_to_the_error_log() -> None:
    assert problem_handler(ZeroDivisionError("secret detail"), {}) is None


def test_a_throttled_answer_says_when_to_come_back() -> None:
    response = problem_handler(exceptions.Throttled(wait=3.2), {})
    assert response is not None
    assert response["Retry-After"] == "4"


def test_the_database_s_own_words_never_reach_the_caller() -> None:
    response = problem_handler(OperationalError("relation accounts_user does not exist"), {})
    assert response is not None
    assert "accounts_user" not in str(response.data)


def test_field_errors_are_listed_with_dotted_paths() -> None:
    response = problem_handler(
        ValidationFailed(errors=[FieldError("patient.age_months", "invalid", "A whole number is needed.")]),
        {},
    )
    assert response is not None
    assert response.data["errors"] == [
        {"field": "patient.age_months", "code": "invalid", "message": "A whole number is needed."}
    ]


def test_nested_serializer_errors_are_flattened() -> None:
    class Inner(serializers.Serializer[Any]):
        age = serializers.IntegerField()

    class Outer(serializers.Serializer[Any]):
        patient = Inner()
        sites = serializers.ListField(child=serializers.IntegerField())

    outer = Outer(data={"patient": {"age": "x"}, "sites": [1, "y"]})
    assert not outer.is_valid()
    found = flatten(serializers.ValidationError(outer.errors).get_full_details())
    assert [(e.field, e.code) for e in found] == [("patient.age", "invalid"), ("sites.1", "invalid")]


def test_an_answer_does_not_grow_with_the_nonsense_that_it_answers() -> None:
    errors = [FieldError("k" * 900_000, "unknown_field", "Not known.")] * 5000
    response = problem_handler(ValidationFailed(errors=errors), {})
    assert response is not None
    assert len(response.data["errors"]) == 100
    assert len(response.data["errors"][0]["field"]) == 200


@pytest.mark.parametrize("path", ["schema", "docs", "redoc", "health/live"])
@pytest.mark.parametrize("method", ["PUT", "TRACE", "OPTIONS"])
def test_even_pages_refuse_a_method_in_json(api: Any, path: str, method: str) -> None:
    answer = api.generic(method, f"/api/v1/{path}")
    assert answer.status_code == 405
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "method_not_allowed"
