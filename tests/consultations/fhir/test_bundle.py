"""A consultation as FHIR R4: valid by the official models, codes in their place, no name of a patient."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from consultations.fhir.bundle import bundle
from consultations.fhir.examples import BUNDLE
from consultations.fhir.source import record_of
from consultations.models import Analysis, Consultation
from consultations.services import intake, results
from consultations.services.worker import run_analysis
from tests.consultations.cases import CONSULTATIONS, breathless, ringworm
from tests.consultations.fhir.reading import Parsed, check, codes
from triage.starter import read, vignettes

NOW = datetime(2026, 1, 31, 9, 12, 44, tzinfo=UTC)
pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def test_the_example_of_the_document_is_a_valid_bundle() -> None:
    check(BUNDLE)


def test_a_decided_consultation_with_a_photo(
    as_ama: Any, photographed: dict[str, Any], exported: Callable[..., Parsed], settings: Any
) -> None:
    settings.PUBLIC_URL = "https://derm.example/"
    run_analysis(Analysis.objects.get().pk)
    decision = {"action": "supply", "medications": ["clotrimazole-1-cream"]}
    answer = as_ama.patch(f"{CONSULTATIONS}/{photographed['id']}", {"decision": decision}, format="json")
    assert answer.status_code == 200, answer.content
    bundle = exported(photographed)

    condition = bundle.one("Condition")
    assert codes(condition["code"]) == ["B35.4", "1F28.Y", "tinea-corporis"]
    assert [each["system"] for each in condition["code"]["coding"]][:2] == [
        "http://hl7.org/fhir/sid/icd-10",
        "http://id.who.int/icd/release/11/mms",
    ]
    request = bundle.one("MedicationRequest")
    assert (request["status"], request["intent"]) == ("active", "order")
    assert codes(request["medicationCodeableConcept"]) == ["D01AC01", "clotrimazole-1-cream"]
    assert request["dispenseRequest"]["quantity"]["value"] > 0
    media = bundle.one("Media")
    image = photographed["images"][0]
    assert media["content"]["url"] == f"https://derm.example{image['url']}"
    assert "data" not in media["content"]
    assert as_ama.get(image["url"]).status_code == 200
    assert bundle.one("AllergyIntolerance")["code"] == {"text": "penicillins"}
    assert bundle.one("Encounter")["status"] == "in-progress"
    assert bundle.one("Provenance")["agent"][0]["who"]["reference"].endswith(bundle.one("Practitioner")["id"])


def test_each_fact_has_the_value_its_kind_wants(as_ama: Any, exported: Callable[..., Parsed]) -> None:
    facts = {"temperature_c": 38.4, "duration_days": 14, "body_sites": ["trunk", "face"], "fever": True,
             "severity": "mild", "pain_score": 3, "lesion_area_percent": 2.5}  # fmt: skip
    bundle = exported(as_ama.post(CONSULTATIONS, ringworm(facts=facts), format="json").json())

    def of(code: str) -> dict[str, Any]:
        return bundle.one("Observation", code)

    assert of("30525-0")["valueQuantity"] == {
        "value": 84, "unit": "months", "system": "http://unitsofmeasure.org", "code": "mo"
    }  # fmt: skip
    assert of("8310-5")["valueQuantity"]["value"] == 38.4
    assert of("29463-7")["valueQuantity"]["value"] == 22.5
    assert of("duration_days")["valueQuantity"]["code"] == "d"
    assert of("72514-3")["valueQuantity"]["code"] == "{score}"
    assert of("fever")["valueBoolean"] is True
    assert of("pregnant")["valueBoolean"] is False
    assert codes(of("severity")["valueCodeableConcept"]) == ["severity.mild"]
    sites = [codes(each["valueCodeableConcept"])[0] for each in of("body_sites")["component"]]
    assert sites == ["body_sites.trunk", "body_sites.face"]
    assert of("ring_shaped")["valueBoolean"] is True
    assert of("numb_patch")["valueBoolean"] is False
    known = {code for each in bundle.all("Observation") for code in codes(each["code"])}
    assert "household_contacts_itching" not in known  # nobody said


def test_an_emergency_that_was_referred(as_ama: Any, exported: Callable[..., Parsed]) -> None:
    opened = as_ama.post(CONSULTATIONS, breathless(), format="json").json()
    changes = {"decision": {"action": "refer"}, "outcome": "referred"}
    as_ama.patch(f"{CONSULTATIONS}/{opened['id']}", changes, format="json")
    bundle = exported(opened)
    referral, triage = bundle.one("ServiceRequest"), bundle.one("RiskAssessment", "triage")
    assert (referral["status"], referral["intent"], referral["priority"]) == ("completed", "order", "stat")
    assert codes(triage["prediction"][0]["qualitativeRisk"]) == ["emergency"]
    assert triage["status"] == "final"
    assert bundle.one("Encounter")["status"] == "finished"
    assert bundle.all("MedicationRequest") == []


def test_what_is_only_proposed_is_no_request(opened: dict[str, Any], exported: Callable[..., Parsed]) -> None:
    assert opened["recommendations"]
    assert exported(opened).all("MedicationRequest") == []


def test_advice_that_changed_since_puts_the_request_on_hold(
    as_ama: Any, opened: dict[str, Any], exported: Callable[..., Parsed]
) -> None:
    address = f"{CONSULTATIONS}/{opened['id']}"
    decision = {"action": "supply", "medications": [opened["recommendations"][0]["medication"]]}
    as_ama.patch(address, {"decision": decision}, format="json")
    as_ama.patch(address, {"facts": {"difficulty_breathing": True, "facial_swelling": True}}, format="json")
    assert exported(opened).one("MedicationRequest")["status"] == "on-hold"


def test_nothing_in_it_names_the_patient(as_ama: Any, exported: Callable[..., Parsed]) -> None:
    case = ringworm(notes="Her aunt Akosua Sarpong brought her")
    case["patient"]["initials"] = "QZX"
    opened = as_ama.post(CONSULTATIONS, case, format="json").json()
    text = json.dumps(exported(opened).document)
    assert "QZX" not in text
    assert "Akosua" not in text
    patient = exported(opened).one("Patient")
    assert not {"name", "birthDate", "telecom", "address", "photo"} & patient.keys()
    assert patient["meta"]["security"][0]["code"] == "PSEUDED"
    again = as_ama.post(CONSULTATIONS, {**case, "client_reference": "2"}, format="json").json()
    assert exported(again).one("Patient")["id"] != patient["id"]  # not linked


def test_the_same_state_gives_the_same_bytes_and_304(as_ama: Any, opened: dict[str, Any]) -> None:
    address = f"{CONSULTATIONS}/{opened['id']}/fhir"
    first, second = as_ama.get(address), as_ama.get(address, HTTP_ACCEPT="application/fhir+json")
    assert first.content == second.content
    assert as_ama.get(address, HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 304
    as_ama.patch(f"{CONSULTATIONS}/{opened['id']}", {"facts": {"fever": True}}, format="json")
    changed = as_ama.get(address, HTTP_IF_NONE_MATCH=first["ETag"])
    assert changed.status_code == 200
    ids = [{e["resource"]["id"] for e in json.loads(a.content)["entry"]} for a in (first, changed)]
    assert len(ids[0] ^ ids[1]) <= 4  # the provenance of another version; nothing else is renamed


def test_reading_it_is_recorded_and_strangers_learn_nothing(
    as_ama: Any, esi: Any, efua: Any, as_user: Any, opened: dict[str, Any], events: Callable[[], list[str]]
) -> None:
    address = f"{CONSULTATIONS}/{opened['id']}/fhir"
    events()
    as_ama.get(address)
    assert events() == ["consultation.read"]
    assert as_user(esi).get(address).status_code == 404
    assert as_user(efua).get(address).status_code == 403
    assert events() == ["access.denied", "access.denied"]


def _cases() -> Iterator[dict[str, Any]]:
    """Every starter vignette as a phone would send it."""
    person = ("age_months", "sex", "pregnant", "breastfeeding")
    for row in vignettes():
        known = row["facts"]
        yield ringworm(
            patient={name: known[name] for name in person if name in known},
            facts={name: value for name, value in known.items() if name not in (*person, "condition")},
            findings={
                "present": list(row.get("findings_present") or ()),
                "absent": list(row.get("findings_absent") or ()),
            },
            working_diagnosis=known.get("condition"),
        )


def test_every_vignette_and_every_condition_gives_a_valid_bundle(ama: Any, knowledge: None) -> None:
    known = results.published()
    cases = [*_cases(), *(ringworm(working_diagnosis=key) for key in known.knowledge.conditions)]
    coded = set()
    for case in cases:
        row = Consultation(pharmacist=ama, premises=ama.premises, created_at=NOW, updated_at=NOW)
        intake.apply(row, case, knowledge=known.knowledge, replace=True)
        results.assess_consultation(row, cadre=ama.cadre, known=known, evidence=None)
        made = bundle(record_of(row, latest=None, photos=[], proposed={}))
        check(made)
        found = [
            entry["resource"] for entry in made["entry"] if entry["resource"]["resourceType"] == "Condition"
        ]
        coded |= {code for each in found for code in codes(each["code"])}
    assert len(cases) >= 185 + 46
    for disease in read("conditions")["items"]:
        assert {disease["id"], disease["icd10"], disease["icd11"] or disease["id"]} <= coded
