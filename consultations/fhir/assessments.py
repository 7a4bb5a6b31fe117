"""What it is thought to be, how urgent it is, and what was decided."""

from collections.abc import Sequence
from typing import Any

from consultations.fhir.codes import (
    ASSESSMENT,
    ATC,
    BAND,
    CONDITION,
    CONDITION_CATEGORY,
    CONDITION_CLINICAL,
    CONDITION_VERIFICATION,
    ICD10,
    ICD11,
    LEVEL,
    MEDICATION,
    Json,
    coding,
    concept,
    instant,
    quantity,
    reference,
    references,
    resource_id,
    without_empty,
)
from consultations.fhir.record import Decision, Disease, Record, Supplied

_CLOSED_WELL = "resolved"
# How soon somebody who is referred has to be seen.
_PRIORITY = {"emergency": "stat", "refer_urgent": "urgent"}


def named(disease: Disease) -> Json:
    """A condition by its ICD codes and by its id in the published knowledge."""
    codings = [
        coding(system, code) for system, code in ((ICD10, disease.icd10), (ICD11, disease.icd11)) if code
    ]
    return concept(*codings, coding(CONDITION, disease.id, disease.name), text=disease.name)


# --- Conditions ---------------------------------------------------------------------------------
def diagnosis(record: Record, disease: Disease, patient: Json, encounter: Json, asserter: Json) -> Json:
    """The working diagnosis, which a person confirmed and nobody proved."""
    status = "resolved" if record.outcome == _CLOSED_WELL else "active"
    return {
        "resourceType": "Condition",
        "id": resource_id(record.id, "Condition", disease.id),
        "clinicalStatus": concept(coding(CONDITION_CLINICAL, status, status.capitalize())),
        "verificationStatus": concept(coding(CONDITION_VERIFICATION, "provisional", "Provisional")),
        "category": [concept(coding(CONDITION_CATEGORY, "encounter-diagnosis", "Encounter Diagnosis"))],
        "code": named(disease),
        "subject": reference(patient),
        "encounter": reference(encounter),
        "recordedDate": instant(record.created_at),
        "asserter": reference(asserter),
    }


def reported(record: Record, patient: Json, encounter: Json) -> list[Json]:
    """What the patient says they have besides, in their words."""
    return [
        {
            "resourceType": "Condition",
            "id": resource_id(record.id, "Condition", f"reported/{text}"),
            "clinicalStatus": concept(coding(CONDITION_CLINICAL, "active", "Active")),
            "verificationStatus": concept(coding(CONDITION_VERIFICATION, "unconfirmed", "Unconfirmed")),
            "category": [concept(coding(CONDITION_CATEGORY, "problem-list-item", "Problem List Item"))],
            "code": concept(text=text),
            "subject": reference(patient),
            "encounter": reference(encounter),
            "recordedDate": instant(record.created_at),
            "asserter": reference(patient),
        }
        for text in dict.fromkeys(record.conditions)
    ]


# --- Risk assessments ---------------------------------------------------------------------------
def differential(record: Record, patient: Json, encounter: Json, device: Json, basis: Sequence[Json]) -> Json:
    """The ranking, most likely first. Probabilities are percentages, as FHIR wants them (ras-2)."""
    predictions = [
        without_empty(
            {
                "outcome": named(each.disease),
                "probabilityDecimal": round(each.probability * 100, 2),
                "qualitativeRisk": concept(coding(BAND, each.band)),
                "rationale": "; ".join(each.because),
            }
        )
        for each in record.ranked
    ]
    return _assessment(
        record, "differential", "Differential diagnosis", patient, encounter, device, basis,
        prediction=predictions, note=record.abstained,
    )  # fmt: skip


def triage(record: Record, patient: Json, encounter: Json, device: Json, basis: Sequence[Json]) -> Json:
    """How urgent it is, which rules say so and what they advise."""
    said = record.triage
    rules = said.get("rules") or ()
    because = [f"{rule['title']}: {', '.join(rule.get('because') or ())}".rstrip(": ") for rule in rules]
    level = str(said["level"])
    asked = [ask["question"] for ask in said.get("ask") or ()] if said.get("provisional") else []
    return _assessment(
        record, "triage", "Triage", patient, encounter, device, basis,
        prediction=[without_empty({
            "qualitativeRisk": concept(coding(LEVEL, level), text=level.replace("_", " ")),
            "rationale": "; ".join(because),
        })],
        mitigation=" ".join(dict.fromkeys(str(rule.get("advice") or "") for rule in rules)).strip(),
        note=f"Provisional; still open: {' '.join(asked)}" if asked else "",
    )  # fmt: skip


def _assessment(
    record: Record,
    kind: str,
    title: str,
    patient: Json,
    encounter: Json,
    device: Json,
    basis: Sequence[Json],
    *,
    prediction: list[Json],
    note: str = "",
    mitigation: str = "",
) -> Json:
    return without_empty(
        {
            "resourceType": "RiskAssessment",
            "id": resource_id(record.id, "RiskAssessment", kind),
            "status": record.result_status,
            "code": concept(coding(ASSESSMENT, kind, title), text=title),
            "subject": reference(patient),
            "encounter": reference(encounter),
            "occurrenceDateTime": instant(record.updated_at),
            "performer": reference(device),
            "basis": references(basis),
            "prediction": prediction,
            "mitigation": mitigation,
            "note": [{"text": text} for text in (note, record.disclaimer) if text],
        }
    )


# --- What was decided ---------------------------------------------------------------------------
def supplied(
    record: Record, decision: Decision, patient: Json, encounter: Json, decider: Json, condition: Json | None
) -> list[Json]:
    """An order of each medicine that the pharmacist decided to supply; what was only proposed is none."""
    return [
        without_empty(
            {
                "resourceType": "MedicationRequest",
                "id": resource_id(record.id, "MedicationRequest", medicine.id),
                **_standing(record, decision),
                "intent": "order",
                "medicationCodeableConcept": _medicine(medicine),
                "subject": reference(patient),
                "encounter": reference(encounter),
                "authoredOn": instant(decision.decided_at),
                "requester": reference(decider),
                "performer": reference(decider),
                "reasonReference": [reference(condition)] if condition else [],
                **_dosage(medicine.advice or {}),
            }
        )
        for medicine in decision.medicines
    ]


def referral(
    record: Record, decision: Decision, patient: Json, encounter: Json, decider: Json, condition: Json | None
) -> Json:
    """That the patient was sent on, and how soon they have to be seen."""
    level = str(record.triage["level"])
    return without_empty(
        {
            "resourceType": "ServiceRequest",
            "id": resource_id(record.id, "ServiceRequest"),
            "status": "completed" if record.closed else "active",
            "intent": "order",
            "priority": _PRIORITY.get(level, "routine"),
            "code": concept(text="Referral to a clinician"),
            "subject": reference(patient),
            "encounter": reference(encounter),
            "authoredOn": instant(decision.decided_at),
            "requester": reference(decider),
            "reasonReference": [reference(condition)] if condition else [],
        }
    )


def _standing(record: Record, decision: Decision) -> Json:
    """active until the consultation is closed; on hold when the advice has changed since."""
    if record.closed:
        return {"status": "completed"}
    if decision.stands:
        return {"status": "active"}
    return {"status": "on-hold", "statusReason": concept(text="The advice has changed since; decide again.")}


def _medicine(medicine: Supplied) -> Json:
    codings = [coding(ATC, medicine.atc)] if medicine.atc else []
    return concept(*codings, coding(MEDICATION, medicine.id, medicine.name), text=medicine.name)


def _dosage(advice: Any) -> Json:
    """The dose as it was worked out for this patient, in the words of the recommendation."""
    if not advice:
        return {}
    amount, days = advice.get("quantity") or {}, advice.get("duration_days")
    timing: Json = {"code": concept(text=advice["frequency"])}
    if days:
        timing["repeat"] = {"boundsDuration": quantity(days, "days", "d")}
    instruction = without_empty(
        {
            "text": f"{advice['dose']}, {advice['frequency']}",
            "patientInstruction": " ".join(advice.get("counselling") or ()),
            "timing": timing,
            "route": concept(text=advice["route"]),
        }
    )
    request = without_empty(
        {
            "quantity": quantity(amount["amount"], amount["unit"]) if amount.get("amount") else None,
            "expectedSupplyDuration": quantity(days, "days", "d") if days else None,
        }
    )
    return {"dosageInstruction": [instruction], "dispenseRequest": request}
