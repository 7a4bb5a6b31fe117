"""What was asked, measured and seen, each with the value that its kind wants. Unknown is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from consultations.fhir.codes import (
    ASSESSMENT,
    FACT,
    FACT_VALUE,
    FINDING,
    LOINC,
    OBSERVATION_CATEGORY,
    Json,
    coding,
    concept,
    instant,
    quantity,
    reference,
    references,
    resource_id,
)
from consultations.fhir.record import Record, Suspicion, Term
from triage.engine.vocabulary import FACTS, Fact, Kind

_EXAM = (("exam", "Exam"),)
_VITAL = (("vital-signs", "Vital Signs"),)
_SURVEY = (("survey", "Survey"),)
# Units of the facts, in UCUM.
_UCUM = {"months": "mo", "days": "d", "°C": "Cel", "%": "%", "of 10": "{score}"}
_PRINTED = {"°C": "Cel"}
_WORDS = (Kind.CHOICE, Kind.CONDITION)


@dataclass(frozen=True, slots=True)
class _Standard:
    """What others call a fact."""

    code: str
    display: str
    category: tuple[tuple[str, str], ...] = _SURVEY


_LOINC: Mapping[str, _Standard] = {
    "age_months": _Standard("30525-0", "Age"),
    "temperature_c": _Standard("8310-5", "Body temperature", _VITAL),
    "pain_score": _Standard("72514-3", "Pain severity - 0-10 verbal numeric rating [Score] - Reported"),
}
_WEIGHT = _Standard("29463-7", "Body weight", _VITAL)


def facts(record: Record, patient: Json, encounter: Json) -> list[Json]:
    """One Observation for every fact that is known, the weight among them."""
    made = []
    for name in sorted(record.facts):
        fact = FACTS.get(name)
        value = record.facts[name]
        if fact is None or value is None or fact.name == "sex":  # the sex is the patient's
            continue
        made.append(
            {
                **_observation(record, f"fact/{name}", patient, encounter),
                **_coded(fact),
                **_value(fact, value),
            }
        )
    if record.weight_kg is not None:
        made.append(
            {
                **_observation(record, "weight", patient, encounter),
                **_category(_WEIGHT.category),
                "code": concept(coding(LOINC, _WEIGHT.code, _WEIGHT.display)),
                "valueQuantity": quantity(float(record.weight_kg), "kg", "kg"),
            }
        )
    return made


def findings(record: Record, patient: Json, encounter: Json) -> list[Json]:
    """One Observation for every finding that was looked for: there, or not."""
    looked = [(term, True) for term in record.present] + [(term, False) for term in record.absent]
    return [
        {
            **_observation(record, f"finding/{term.id}", patient, encounter),
            **_category(_EXAM),
            "code": _question(FINDING, term),
            "valueBoolean": there,
        }
        for term, there in looked
    ]


def suspicion(
    record: Record, said: Suspicion, patient: Json, encounter: Json, photos: Sequence[Json], device: Json
) -> Json:
    """The score of an image model, and whether it raised its flag."""
    flag = Term("suspicious-lesion-flag", "The score is above the threshold of the model")
    return {
        **_observation(record, "suspicion", patient, encounter),
        **_category((("imaging", "Imaging"),)),
        "code": _question(ASSESSMENT, Term("suspicious-lesion-score", "Suspicious lesion, by image model")),
        "valueQuantity": quantity(said.score, "1", "1"),
        "device": reference(device),
        **({"derivedFrom": references(photos)} if photos else {}),
        "component": [{"code": _question(ASSESSMENT, flag), "valueBoolean": said.flag}],
    }


def _observation(record: Record, key: str, patient: Json, encounter: Json) -> Json:
    return {
        "resourceType": "Observation",
        "id": resource_id(record.id, "Observation", key),
        "status": record.result_status,
        "subject": reference(patient),
        "encounter": reference(encounter),
        "effectiveDateTime": instant(record.created_at),
    }


def _coded(fact: Fact) -> Json:
    standard = _LOINC.get(fact.name)
    own = coding(FACT, fact.name, fact.label)
    codings = [own] if standard is None else [coding(LOINC, standard.code, standard.display), own]
    return {
        **_category(standard.category if standard else _SURVEY),
        "code": concept(*codings, text=fact.question),
    }


def _value(fact: Fact, value: Any) -> Json:
    """`value[x]` of a fact, by its kind."""
    if fact.kind is Kind.BOOLEAN:
        return {"valueBoolean": value}
    if fact.kind is Kind.CHOICES:  # several things are true at once: a component each
        sites = [concept(_word(fact, each), text=_spelled(each)) for each in value]
        return {"component": [{"code": _question(FACT, Term(fact.name, fact.label)),
                               "valueCodeableConcept": site} for site in sites]}  # fmt: skip
    if fact.kind in _WORDS:
        return {"valueCodeableConcept": concept(_word(fact, value), text=_spelled(value))}
    if fact.unit:
        return {"valueQuantity": quantity(value, _PRINTED.get(fact.unit, fact.unit), _UCUM[fact.unit])}
    if fact.kind is Kind.INTEGER:
        return {"valueInteger": value}
    return {"valueQuantity": quantity(value, "1", "1")}


def _word(fact: Fact, value: str) -> Json:
    return coding(FACT_VALUE, f"{fact.name}.{value}")


def _spelled(value: str) -> str:
    return value.replace("_", " ").replace("-", " ")


def _question(system: str, term: Term) -> Json:
    return concept(coding(system, term.id), text=term.text)


def _category(pairs: Sequence[tuple[str, str]]) -> Json:
    return {"category": [concept(coding(OBSERVATION_CATEGORY, code, text)) for code, text in pairs]}
