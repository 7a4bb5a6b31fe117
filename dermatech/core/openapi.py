"""What the OpenAPI document says beyond what the serializers say: problems, and their examples."""

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiSerializerFieldExtension
from drf_spectacular.utils import OpenApiResponse

from dermatech.core import problem
from dermatech.core.pagination import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE

NO_CONTROL_CHARACTERS = r"^[^\u0000-\u0008\u000B\u000C\u000E-\u001F]+$"
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
    410: "It was here and came to its end.",
    412: "The object was changed since you read it.",
    413: "The upload is too large.",
    415: "This kind of content is not accepted.",
    422: "Well formed, but it cannot be carried out.",
    423: "Another request holds it; see Retry-After.",
    429: "Too many requests; see Retry-After.",
    460: "The bytes do not fit their checksum and were not kept.",
    503: "A part of the service is down; see Retry-After.",
}


def problem_responses(*statuses: int) -> dict[Any, Any]:
    """For `extend_schema(responses={200: X, **problem_responses(400, 404)})`."""
    return {
        (status, problem.CONTENT_TYPE): OpenApiResponse(response=_REF, description=_MEANING[status])
        for status in statuses
    }


class StrictSerializerExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # registers itself
    """Bodies in which an unknown field is refused say so."""

    target_class = "dermatech.core.serializers.StrictSerializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        if direction == "request" and schema.get("type") == "object":
            schema.setdefault("additionalProperties", False)
        return schema


class StrictCharFieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Text in which control characters are refused says so."""

    target_class = "dermatech.core.serializers.StrictCharField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer_field(
            self.target, direction, bypass_extensions=True
        )
        if direction == "request":
            schema.setdefault("pattern", getattr(self.target, "pattern", NO_CONTROL_CHARACTERS))
        return schema


# Query parameters that mean the same everywhere.
_PARAMETERS: dict[str, dict[str, Any]] = {
    "page_size": {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": DEFAULT_PAGE_SIZE},
    "updated_since": {"type": "string", "format": "date-time"},
    "cursor": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
}


def complete_document(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Post-processing hook: what every operation has and none has to say itself."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = PROBLEM_SCHEMA
    _name_enums(result, {frozenset(each["enum"]): name for name, each in schemas.items() if "enum" in each})
    for path in result.get("paths", {}).values():
        for method, operation in path.items():
            if isinstance(operation, dict) and "responses" in operation:
                _complete(method, operation)
                if _needs_a_body(operation, schemas):
                    operation["requestBody"]["required"] = True
    return result


def _needs_a_body(operation: dict[str, Any], schemas: dict[str, Any]) -> bool:
    """A form, or one of several shapes: the generator knows only of serializers what they require."""
    content = operation.get("requestBody", {}).get("content", {})
    name = str(content.get("application/json", {}).get("schema", {}).get("$ref", "")).rpartition("/")[2]
    return "multipart/form-data" in content or "oneOf" in schemas.get(name, {})


def _name_enums(part: Any, names: dict[frozenset[Any], str]) -> None:
    """Point wherever the words of a named enum are spelled out to its name, so that a generator makes one
    type of them."""
    if isinstance(part, list):
        for each in part:
            _name_enums(each, names)
    if not isinstance(part, dict):
        return
    for key, each in part.items():
        words = each.get("enum") if isinstance(each, dict) else None
        if isinstance(words, list) and frozenset(words) in names and key not in names.values():
            rest = {name: value for name, value in each.items() if name not in ("enum", "type")}
            part[key] = {"$ref": f"#/components/schemas/{names[frozenset(words)]}", **rest}
        else:
            _name_enums(each, names)


def _complete(method: str, operation: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "query":
            parameter["schema"] |= _PARAMETERS.get(parameter["name"], {})
        elif parameter["name"] == "Idempotency-Key":
            parameter["schema"] |= {"pattern": "^[!-~]([ -~]{0,198}[!-~])?$"}
    responses = operation["responses"]
    if any(parameter["name"] == "If-None-Match" for parameter in operation.get("parameters", [])):
        responses.setdefault("304", {"description": "You hold it already."})
    for status in _always(method, operation):
        content = {problem.CONTENT_TYPE: {"schema": _REF}}
        responses.setdefault(str(status), {"description": _MEANING[status], "content": content})
    for status, response in responses.items():
        media = response.get("content", {}).get(problem.CONTENT_TYPE)
        if media is not None:
            media.setdefault("examples", {"Problem": {"value": _example(int(status))}})
    operation["responses"] = dict(sorted(responses.items()))


def _always(method: str, operation: dict[str, Any]) -> list[int]:
    """Problems that any operation of this kind can answer with."""
    always = [406]
    if {} not in operation.get("security", []):
        always += [401, 429]
    if method != "delete":
        always += [400]
    if "requestBody" in operation:
        always += [413, 415]
    return always


def _example(status: int) -> dict[str, Any]:
    document = problem.body(status)
    document["request_id"] = "01990d2e-7c4b-7a63-9a51-5b0f3c7e9d10"
    if status == 400:
        document |= {"code": "validation_failed", "type": "urn:dermatech:problem:validation_failed"}
        document["errors"] = [
            {"field": "patient.age_months", "code": "invalid", "message": "A valid integer is required."}
        ]
    return document
