"""What the OpenAPI document says beyond what the serializers say: problems, and their examples."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse

from dermatech.core import problem

_REF = {"$ref": "#/components/schemas/Problem"}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "For a person."},
        "code": {"type": "string", "description": "Stable machine word."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": {"type": "string", "description": "Dotted path, as patient.age_months."},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}
_MEANING = {
    400: "One or more fields are wrong; each is named.",
    401: "Not signed in, or the token is not valid any more.",
    403: "You may see it but not do this.",
    404: "It does not exist, or you may not know that it does.",
    405: "This address does not know that method.",
    406: "This address answers in JSON only.",
    409: "The state of the object, or a request still in flight, does not allow this.",
    412: "The object was changed since you read it.",
    413: "The upload is too large.",
    415: "This kind of content is not accepted.",
    422: "Well formed, but it cannot be carried out.",
    429: "Too many requests; see Retry-After.",
    503: "A part of the service is down; see Retry-After.",
}


def problem_responses(*statuses: int) -> dict[Any, Any]:
    """For `extend_schema(responses={200: X, **problem_responses(400, 404)})`."""
    return {
        (status, problem.CONTENT_TYPE): OpenApiResponse(response=_REF, description=_MEANING[status])
        for status in statuses
    }


class ProblemAutoSchema(AutoSchema):
    """Adds to every operation the problems that any operation can answer with."""

    def get_response_serializers(self) -> Any:
        declared: Any = super().get_response_serializers()
        if not isinstance(declared, dict):
            declared = {"200": declared}
        given = {str(key[0] if isinstance(key, tuple) else key) for key in declared}
        always = [400] if self.method != "DELETE" else []
        if self.get_auth():
            always += [401, 429]
        return {**declared, **problem_responses(*[s for s in always if str(s) not in given])}


def add_problem_component(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Post-processing hook: the Problem schema, with an example for every error answer."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    for path in result.get("paths", {}).values():
        for operation in path.values():
            if not isinstance(operation, dict):
                continue
            for status, response in operation.get("responses", {}).items():
                media = response.get("content", {}).get(problem.CONTENT_TYPE)
                if media is not None:
                    media.setdefault("examples", {"Problem": {"value": _example(int(status))}})
    return result


def _example(status: int) -> dict[str, Any]:
    document = problem.body(status)
    document["request_id"] = "01990d2e-7c4b-7a63-9a51-5b0f3c7e9d10"
    if status == 400:
        document |= {"code": "validation_failed", "type": "urn:dermatech:problem:validation_failed"}
        document["errors"] = [
            {"field": "patient.age_months", "code": "invalid", "message": "A valid integer is required."}
        ]
    return document
