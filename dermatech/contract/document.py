"""The API's document, and what stands in it about one operation."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_COMPONENTS = "#/components/schemas/"
_METHODS = ("get", "post", "put", "patch", "delete")
JSON, PROBLEM, FHIR = "application/json", "application/problem+json", "application/fhir+json"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the document."""

    id: str
    method: str
    path: str
    body: Mapping[str, Any]
    summary: str
    description: str

    def request_example(self, name: str) -> tuple[str, Any]:
        """Content type and value of a request example. Raises KeyError naming what is missing."""
        for content_type, content in self.body.get("requestBody", {}).get("content", {}).items():
            example = (content.get("examples") or {}).get(name)
            if example is not None:
                return content_type, example["value"]
        raise KeyError(f"{self.id} has no request example {name!r}")

    def response_schema(self, status: int) -> tuple[str, Mapping[str, Any]] | None:
        """Content type and schema of an answer; None when it has no body that JSON could be."""
        content = self.body["responses"].get(str(status), {}).get("content", {})
        for content_type in (JSON, FHIR, PROBLEM):
            if content_type in content:
                return content_type, content[content_type].get("schema", {})
        return None


def current() -> dict[str, Any]:
    """The OpenAPI document of this code, validated. Raises CommandError."""
    from django.core.management import call_command

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "openapi.json"
        call_command("spectacular", format="openapi-json", file=str(file), validate=True, fail_on_warn=True)
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    """Every operation, in the order of the document."""
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                found = methods[method]
                yield Operation(
                    found["operationId"], method.upper(), path, found,
                    found.get("summary", ""), found.get("description", ""),
                )  # fmt: skip


def closed(schema: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """`schema` with every component that it refers to, so that it can stand alone."""
    components = document["components"]["schemas"]
    needed: dict[str, Any] = {}
    waiting: list[Any] = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            name = str(part.get("$ref", "")).removeprefix(_COMPONENTS)
            if name and name not in needed:
                needed[name] = components[name]
                waiting.append(components[name])
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    if not needed:
        return dict(schema)
    ordered = {name: needed[name] for name in sorted(needed)}
    return {**schema, "components": {"schemas": ordered}}
