"""The OpenAPI document says what the addresses of this app really answer."""

import uuid
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # has no types here
import pytest
from drf_spectacular.generators import SchemaGenerator

from consultations.services.worker import run_analysis
from tests.consultations.cases import CONSULTATIONS

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def document() -> Any:
    generator: Any = SchemaGenerator
    return generator().get_schema(request=None, public=True)


def shape(document: Any, path: str, method: str, status: str) -> dict[str, Any]:
    answer = document["paths"][path][method]["responses"][status]["content"]["application/json"]
    return {**answer["schema"], "components": document["components"]}


def closed(schema: Any) -> Any:
    """The schema with every object closed, so that an undeclared name is an error."""
    if isinstance(schema, dict):
        inner = {name: closed(value) for name, value in schema.items()}
        if inner.get("type") == "object" and "properties" in inner:
            inner.setdefault("additionalProperties", False)
        return inner
    return [closed(each) for each in schema] if isinstance(schema, list) else schema


def check(body: Any, schema: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(closed(schema)).validate(body)


def test_every_answer_is_as_declared(as_ama: Any, photographed: dict[str, Any], document: Any) -> None:
    case = "/api/v1/consultations/{consultation_id}"
    check(photographed, shape(document, "/api/v1/consultations", "post", "201"))
    run_analysis(uuid.UUID(photographed["analysis"]["id"]))

    analysis = as_ama.get(f"/api/v1/analysis/{photographed['analysis']['id']}").json()
    check(analysis, shape(document, "/api/v1/analysis/{analysis_id}", "get", "200"))
    check(as_ama.get(f"{CONSULTATIONS}/{photographed['id']}").json(), shape(document, case, "get", "200"))
    check(as_ama.get(CONSULTATIONS).json(), shape(document, "/api/v1/consultations", "get", "200"))


def test_every_example_is_as_declared(document: Any) -> None:
    checked = 0
    for path, operations in document["paths"].items():
        if not path.startswith(("/api/v1/consultations", "/api/v1/analysis")):
            continue
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                content = answer.get("content", {}).get("application/json")
                if content is None or not status.startswith("2"):
                    continue
                assert content.get("examples"), (path, status)
                for example in content["examples"].values():
                    check(example["value"], {**content["schema"], "components": document["components"]})
                    checked += 1
    assert checked >= 9


def test_every_operation_has_an_id_and_a_summary(document: Any) -> None:
    ids = {
        operation["operationId"]
        for path, operations in document["paths"].items()
        if path.startswith(("/api/v1/consultations", "/api/v1/analysis"))
        for operation in operations.values()
        if operation["summary"]
    }
    assert ids == {
        "consultations_list",
        "consultations_create",
        "consultations_read",
        "consultations_replace",
        "consultations_update",
        "consultation_images_create",
        "consultation_images_read",
        "consultation_leaflet_read",
        "consultation_referral_letter_read",
        "consultation_fhir_read",
        "analysis_skin_create",
        "analysis_read",
        "analysis_heatmap_read",
    }
