"""Code systems by their official addresses, and the small shapes that every resource is made of."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

Json = dict[str, Any]
MEDIA_TYPE = "application/fhir+json"

# --- Code systems of others (HL7 Terminology, FHIR R4 "Using Codes in Resources") -------------------
ICD10 = "http://hl7.org/fhir/sid/icd-10"
ICD11 = "http://id.who.int/icd/release/11/mms"
ATC = "http://www.whocc.no/atc"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
OBSERVATION_VALUE = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
CONDITION_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
CONDITION_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
CONDITION_CATEGORY = "http://terminology.hl7.org/CodeSystem/condition-category"
ALLERGY_CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
ALLERGY_VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
MEDIA_KIND = "http://terminology.hl7.org/CodeSystem/media-type"
PROVENANCE_AGENT = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
LANGUAGE = "urn:ietf:bcp:47"
URI = "urn:ietf:rfc:3986"

# --- Our own: the ids of the published knowledge, as GET /triage and GET /medications give them ------
_OWN = "urn:dermatech:codesystem:"
CONDITION, FINDING, FACT = f"{_OWN}condition", f"{_OWN}finding", f"{_OWN}fact"
FACT_VALUE, MEDICATION = f"{_OWN}fact-value", f"{_OWN}medication"
LEVEL, BAND, ASSESSMENT = f"{_OWN}triage-level", f"{_OWN}likelihood-band", f"{_OWN}assessment"
PRESENTATION, LEGAL_CLASS = f"{_OWN}presentation", f"{_OWN}legal-class"
SHA256, LICENCE, ACCOUNT = "urn:dermatech:sha256", "urn:dermatech:premises-licence", "urn:dermatech:account"
PREMISES = "urn:dermatech:premises"

_NAMES = uuid.UUID("6f1d7c1e-3b64-5d0c-9c55-7a0d4e6b2f91")


def resource_id(consultation: str, kind: str, key: str = "") -> str:
    """The id of a resource: the same for the same thing of the same consultation, always."""
    return str(uuid.uuid5(_NAMES, f"{consultation}/{kind}/{key}"))


def instant(value: datetime) -> str:
    """RFC 3339 in UTC, as `dateTime` and `instant` take it."""
    return value.isoformat().replace("+00:00", "Z")


def coding(system: str, code: str, display: str = "") -> Json:
    """One code of one system."""
    return {"system": system, "code": code, **({"display": display} if display else {})}


def concept(*codings: Json, text: str = "") -> Json:
    """A CodeableConcept; at least one of the two must be given."""
    return {**({"coding": list(codings)} if codings else {}), **({"text": text} if text else {})}


def quantity(value: float, unit: str, code: str = "") -> Json:
    """An amount; `code` is its unit in UCUM."""
    coded = {"system": UCUM, "code": code} if code else {}
    return {"value": value, "unit": unit, **coded}


def reference(resource: Mapping[str, Any]) -> Json:
    """A pointer to a resource of the same bundle."""
    return {"reference": f"urn:uuid:{resource['id']}"}


def references(resources: Sequence[Mapping[str, Any]]) -> list[Json]:
    return [reference(each) for each in resources]


def without_empty(resource: Json) -> Json:
    """FHIR knows no null and no empty list: what is not known is left out."""
    return {name: value for name, value in resource.items() if value not in (None, "", [], {})}
