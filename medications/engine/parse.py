"""A snapshot (JSON) turned into a `Formulary`, or refused with every fault that was found."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from medications.engine import read
from medications.engine.formulary import Formulary
from medications.engine.lexicon import Lexicon
from medications.engine.model import ConditionAdvice, Medication, Regimen, Treatment

Json = Mapping[str, Any]
Item = TypeVar("Item")


class FormularyError(ValueError):
    """The snapshot cannot be used; `faults` name each item and what is wrong with it."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("; ".join(self.faults))


def parse_formulary(snapshot: Json) -> Formulary:
    """The snapshot of a formulary release as frozen values.

    Shape: `{medications: [...], treatments: [...], interaction_classes: {id: [generic]},
    vocabulary: {allergy_classes, medicine_names, health_concepts, use_limits},
    conditions: [{id, name, synonyms, self_care, red_flags}]}`, items as in the starter files; the last two
    of a condition may be left out. Raises FormularyError.
    """
    faults: list[str] = []
    vocabulary: Json = snapshot.get("vocabulary") or {}
    medications = {item.id: item for item in _each(snapshot, "medications", read.medication, faults)}
    treatments = _each(snapshot, "treatments", read.treatment, faults)
    interaction_classes = {
        key: frozenset(members) for key, members in (snapshot.get("interaction_classes") or {}).items()
    }
    allergy_classes = {
        item.id: item for item in _each(vocabulary, "allergy_classes", read.allergy_class, faults)
    }
    concepts = {item.id: item for item in _each(vocabulary, "health_concepts", read.concept, faults)}
    for treatment in treatments:
        faults += _treatment_faults(treatment, medications)
    if faults:
        raise FormularyError(faults)
    return Formulary(
        medications=medications,
        treatments=tuple(sorted(treatments, key=lambda item: item.id)),
        interaction_classes=interaction_classes,
        allergy_classes=allergy_classes,
        concepts=concepts,
        use_limits={item.phrase: item for item in _each(vocabulary, "use_limits", read.use_limit, faults)},
        conditions={
            item["id"]: (item["name"], *(item.get("synonyms") or ()))
            for item in snapshot.get("conditions") or ()
        },
        advice={
            item["id"]: ConditionAdvice(
                tuple(item.get("self_care") or ()), tuple(item.get("red_flags") or ())
            )
            for item in snapshot.get("conditions") or ()
        },
        lexicon=Lexicon.build(
            medications=medications.values(),
            interaction_classes=interaction_classes,
            allergy_classes=allergy_classes.values(),
            concepts=concepts.values(),
            medicine_names={
                item["id"]: tuple(item.get("synonyms") or ())
                for item in vocabulary.get("medicine_names") or ()
            },
        ),
    )


def _each(source: Json, key: str, make: Callable[[Json], Item], faults: list[str]) -> list[Item]:
    items = []
    for raw in source.get(key) or ():
        try:
            items.append(make(raw))
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            faults.append(f"{key} {raw.get('id', '?')}: {error}")
    return items


def _treatment_faults(treatment: Treatment, medications: Mapping[str, Medication]) -> list[str]:
    medication = medications.get(treatment.medication)
    if medication is None:
        return [f"treatment {treatment.id}: there is no medication {treatment.medication}"]
    if not treatment.regimens:
        return [f"treatment {treatment.id}: it has no regimen"]
    return [
        f"treatment {treatment.id}, regimen {place}: {fault}"
        for place, regimen in enumerate(treatment.regimens, 1)
        for fault in regimen_faults(regimen, medication)
    ]


def regimen_faults(regimen: Regimen, medication: Medication) -> list[str]:
    """What makes a regimen unsafe to compute with: doses above their own maxima, a mg/kg dose
    without a maximum, a course longer than the medicine allows."""
    faults = []
    if regimen.mg_per_kg and (regimen.max_single_mg is None or regimen.max_daily_mg is None):
        faults.append("a mg/kg dose needs max_single_mg and max_daily_mg")
    if regimen.mg_per_kg and regimen.doses_per_day is None:
        faults.append("a mg/kg dose needs doses_per_day")
    dose, single, daily = regimen.dose_mg, regimen.max_single_mg, regimen.max_daily_mg
    if dose and single is not None and dose.high > single:
        faults.append(f"a dose of {dose.high} mg is above its maximum of {single} mg")
    if dose and daily is not None and dose.high > daily:
        faults.append(f"a dose of {dose.high} mg is above the daily maximum of {daily} mg")
    limit = medication.max_duration_days
    if limit is not None and regimen.duration_days is not None and regimen.duration_days > limit:
        faults.append(f"{regimen.duration_days} days is longer than the {limit} days of {medication.id}")
    return faults
