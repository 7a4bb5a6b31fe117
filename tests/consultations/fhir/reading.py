"""A bundle as its reader takes it: validated by the FHIR R4B models and by what they do not check."""

import json
from collections.abc import Iterator
from typing import Any

from fhir.resources.R4B import get_fhir_model_class

# The official addresses (HL7 Terminology and "Using Codes in Resources" of R4), typed by hand.
SYSTEMS = {
    "http://hl7.org/fhir/sid/icd-10",
    "http://id.who.int/icd/release/11/mms",
    "http://www.whocc.no/atc",
    "http://loinc.org",
    "http://terminology.hl7.org/CodeSystem/v3-ActCode",
    "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "http://terminology.hl7.org/CodeSystem/observation-category",
    "http://terminology.hl7.org/CodeSystem/condition-clinical",
    "http://terminology.hl7.org/CodeSystem/condition-ver-status",
    "http://terminology.hl7.org/CodeSystem/condition-category",
    "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
    "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
    "http://terminology.hl7.org/CodeSystem/media-type",
    "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
    "urn:ietf:bcp:47",
}
UCUM = {"mo", "d", "Cel", "%", "{score}", "1", "kg"}


class Parsed:
    """The resources of a bundle that is valid."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.resources = [entry["resource"] for entry in document["entry"]]

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in self.resources if each["resourceType"] == kind]

    def one(self, kind: str, code: str = "") -> dict[str, Any]:
        found = [each for each in self.all(kind) if not code or code in codes(each.get("code", {}))]
        assert len(found) == 1, (kind, code, len(found))
        return found[0]


def codes(concept: dict[str, Any]) -> list[str]:
    return [each["code"] for each in concept.get("coding", [])]


def parse(content: bytes) -> Parsed:
    """The bundle behind the bytes. Raises where anything in it is wrong."""
    document = json.loads(content)
    check(document)
    return Parsed(document)


def check(document: dict[str, Any]) -> None:
    get_fhir_model_class("Bundle").model_validate(document)  # and every resource in it by its own model
    for entry in document["entry"]:
        assert entry["fullUrl"] == f"urn:uuid:{entry['resource']['id']}"
        check_words(entry["resource"])
    ids = [entry["fullUrl"] for entry in document["entry"]]
    assert len(set(ids)) == len(ids)
    pointed = {value for name, value in _strings(document) if name == "reference"}
    assert pointed <= set(ids), pointed - set(ids)
    for coded in _objects(document, "coding"):
        for each in coded:
            own = each["system"].startswith("urn:dermatech:codesystem:")
            assert own or each["system"] in SYSTEMS, each
            assert each["code"].strip() == each["code"] != ""
    for each in _quantities(document):
        assert each["system"] == "http://unitsofmeasure.org"
        assert each["code"] in UCUM, each
    for assessment in (e["resource"] for e in document["entry"] if "prediction" in e["resource"]):
        for prediction in assessment["prediction"]:
            assert 0 <= prediction.get("probabilityDecimal", 0) <= 100  # ras-2


def check_words(resource: dict[str, Any]) -> None:
    """Words of a closed list (required bindings), which the models know and do not enforce."""
    fields = get_fhir_model_class(resource["resourceType"]).model_fields.values()
    for field in fields:
        extra = field.json_schema_extra
        words = extra.get("enum_values") if isinstance(extra, dict) else None
        value = resource.get(field.alias or "")
        if isinstance(words, list) and isinstance(value, str):
            assert value in words, (resource["resourceType"], field.alias, value)


def _walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _walk(each)


def _objects(document: Any, name: str) -> Iterator[Any]:
    return (each[name] for each in _walk(document) if name in each)


def _strings(document: Any) -> Iterator[tuple[str, str]]:
    return ((n, v) for each in _walk(document) for n, v in each.items() if isinstance(v, str))


def _quantities(document: Any) -> Iterator[dict[str, Any]]:
    return (each for each in _walk(document) if "value" in each and "unit" in each and "code" in each)
