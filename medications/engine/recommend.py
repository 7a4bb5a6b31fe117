"""From a condition and a patient to medicines: every candidate proposed or excluded, with reasons."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from medications.engine.case import Case, understand
from medications.engine.dosing import DoseImpossible, compute_dose
from medications.engine.findings import Findings
from medications.engine.formulary import Formulary
from medications.engine.limits import check_treatment, most_area
from medications.engine.model import AWARE_GROUPS, LegalClass, Line, Medication, Regimen, Treatment
from medications.engine.quantity import quantity_to_supply
from medications.engine.regimens import choose_regimen, population_in_words
from medications.engine.results import (
    Code,
    Dose,
    Excluded,
    Patient,
    Proposed,
    Reason,
    Recommendations,
    Unrecognised,
    listed,
)
from medications.engine.safety import check_medication
from medications.engine.supply import Supply, supply

LEVELS = ("emergency", "refer_urgent", "refer_routine", "pharmacy_treatment", "self_care")
_NO_TREATMENT = frozenset({"emergency", "refer_urgent"})
_UNDER = re.compile(r"Under (\d+) (months|years)\b")
_KINDS = {"allergy": "allergies", "medicine": "current medicines", "condition": "health problems"}


@dataclass(frozen=True, slots=True)
class _Ranked:
    key: tuple[int, int, int, int, str]
    proposed: Proposed


def recommend(
    *,
    condition: str,
    patient: Patient,
    facts: Mapping[str, Any],
    formulary: Formulary,
    cadre: str,
    level: str,
    prescription: bool = False,
    unconfirmed: Collection[str] | None = None,
) -> Recommendations:
    """Judge every treatment of `condition` (a condition id) for `patient`.

    `facts` as in the triage vocabulary, absent or None = unknown; `cadre` of the person who would
    supply, `level` the triage level; `prescription` whether a valid one is at hand. `unconfirmed`:
    no person has confirmed `condition`, and these are possible too (None = it is confirmed). Proposed
    come best first: line, suitability, legal class, AWaRe group, id. Raises ValueError on an unknown
    level, which must never be taken for a harmless one.
    """
    if level not in LEVELS:
        raise ValueError(f"{level!r} is not a triage level")
    treatments = formulary.treatments_of(condition)
    case = understand(condition, patient, facts, formulary, unconfirmed=unconfirmed)
    if level in _NO_TREATMENT:
        return _nothing_now(case, treatments, level)
    ranked: list[_Ranked] = []
    excluded: list[Excluded] = []
    for treatment in treatments:
        medication = formulary.medications[treatment.medication]
        may = supply(cadre, medication.legal_class, prescription=prescription)
        outcome = _judge(case, treatment, medication, may, level)
        if isinstance(outcome, Excluded):
            excluded.append(outcome)
        else:
            ranked.append(outcome)
    ranked.sort(key=lambda item: item.key)
    proposed = tuple(item.proposed for item in ranked)
    return Recommendations(proposed, tuple(excluded), case.unrecognised, _message(case, proposed, excluded))


def _judge(
    case: Case, treatment: Treatment, medication: Medication, may: Supply, level: str
) -> _Ranked | Excluded:
    found = Findings()
    if not may.shown:
        found.against(Code.LEGAL_CLASS, f"{medication.name}: {may.reason}", f"medication {medication.id}")
    check_medication(case, medication, found)
    check_treatment(case, treatment, found)
    regimen = choose_regimen(case, treatment, medication, found)
    dose = _dose(case, treatment, medication, regimen, found)
    if found.reasons or regimen is None or dose is None:
        return _excluded(treatment, found.reasons)
    _general_warnings(case, medication, dose, level, found)
    days = _days(regimen, medication)
    proposed = Proposed(
        treatment=treatment.id,
        medication=medication.id,
        name=medication.name,
        line=treatment.line.value,
        dose=dose,
        route=medication.route.value,
        duration_days=days,
        quantity=quantity_to_supply(
            case, medication, regimen, dose, days, most_area=most_area(case.formulary, treatment)
        ),
        counselling=_counselling(treatment, medication, regimen),
        warnings=(
            *(() if may.may else (may.reason,)),
            *_not_confirmed(case),
            *_incomplete(case.unrecognised),
            *found.warnings,
        ),
        may_supply=may.may,
        legal_class=medication.legal_class.value,
        because=_because(case, treatment, medication, regimen),
    )
    return _Ranked(_rank(treatment, medication, found.weight), proposed)


def _dose(
    case: Case, treatment: Treatment, medication: Medication, regimen: Regimen | None, found: Findings
) -> Dose | None:
    if regimen is None:
        return None
    try:
        return compute_dose(regimen, medication, case.weight_kg)
    except DoseImpossible as error:
        found.against(
            Code.WEIGHT, f"{medication.name} cannot be dosed here: {error}.", f"treatment {treatment.id}"
        )
        return None


def _excluded(treatment: Treatment, reasons: list[Reason]) -> Excluded:
    order = list(Code)
    return Excluded(
        treatment.id,
        treatment.medication,
        tuple(sorted(reasons, key=lambda reason: order.index(reason.code))),
    )


def _nothing_now(case: Case, treatments: tuple[Treatment, ...], level: str) -> Recommendations:
    words = level.replace("_", " ")
    text = f"Triage says {words}: no medicine is supplied first, because it could delay the referral."
    return Recommendations(
        proposed=(),
        excluded=tuple(
            Excluded(item.id, item.medication, (Reason(Code.SEVERITY, text, f"triage level {level}"),))
            for item in treatments
        ),
        unrecognised=case.unrecognised,
        message=text,
    )


def _days(regimen: Regimen, medication: Medication) -> int | None:
    limits = [days for days in (regimen.duration_days, medication.max_duration_days) if days is not None]
    return min(limits, default=None)


def _rank(treatment: Treatment, medication: Medication, weight: int) -> tuple[int, int, int, int, str]:
    group = medication.aware_group
    return (
        list(Line).index(treatment.line),
        weight,
        list(LegalClass).index(medication.legal_class),
        AWARE_GROUPS.index(group) + 1 if group else 0,
        treatment.id,
    )


def _general_warnings(case: Case, medication: Medication, dose: Dose, level: str, found: Findings) -> None:
    if level == "refer_routine":
        found.warn(
            "Triage says refer: this is for relief meanwhile and must not replace or delay the referral."
        )
    if case.weight_slip:
        found.warn("The weight given cannot be right at this age: weigh the patient again.")
    if case.is_true("previous_treatment_failed"):
        found.warn(
            "An earlier treatment has failed: ask what was used, and do not repeat it. Consider referral."
        )
    if dose.units is not None and dose.units % 1 and medication.scored is not True:
        found.warn("The dose needs half a tablet: check that this brand is scored, or give a liquid.")
    if medication.max_weekly_grams is not None:
        found.warn(f"No more than {medication.max_weekly_grams} g a week.")
    for line in (*medication.cautions, *medication.application_limits):
        if not _outgrown(line, case.age_months):
            found.warn(line)


def _outgrown(caution: str, age_months: int | None) -> bool:
    """`Under 3 months: assess first` says nothing to an adult."""
    match = _UNDER.match(caution)
    if match is None or age_months is None:
        return False
    return age_months >= int(match[1]) * (12 if match[2] == "years" else 1)


def _not_confirmed(case: Case) -> list[str]:
    if case.confirmed:
        return []
    name = case.formulary.condition_name(case.condition)
    return [f"Nobody has confirmed that this is {name}: confirm the working diagnosis before you supply."]


def _incomplete(unknown: tuple[Unrecognised, ...]) -> list[str]:
    """One warning for each kind of words that were not understood."""
    warnings = []
    for kind, plural in _KINDS.items():
        texts = [f'"{item.text}"' for item in unknown if item.kind == kind]
        if texts:
            warnings.append(
                f"The check is incomplete: among the {plural}, {listed(texts)} was not recognised. "
                "Check by hand."
            )
    return warnings


def _counselling(treatment: Treatment, medication: Medication, regimen: Regimen) -> tuple[str, ...]:
    lines = [regimen.instructions] if regimen.instructions else []
    lines += medication.counselling_points
    lines += [f"Use only if: {phrase}" for phrase in treatment.conditions_of_use]
    lines += [f"Stop and refer if: {phrase}" for phrase in treatment.stop_and_refer_if]
    return tuple(dict.fromkeys(lines))


def _because(case: Case, treatment: Treatment, medication: Medication, regimen: Regimen) -> tuple[str, ...]:
    name = case.formulary.condition_name(treatment.condition)
    lines = {
        Line.FIRST: f"First-line treatment of {name}.",
        Line.SECOND: f"Second-line treatment of {name}.",
        Line.ADJUNCT: f"Relieves symptoms of {name} beside other treatment.",
    }
    reviewed = (
        "approved by two supervisors"
        if case.formulary.review_state == "reviewed"
        else "starter content that no pharmacist in Ghana has reviewed"
    )
    release = f" in formulary release {case.formulary.release}" if case.formulary.release else ""
    return (
        lines[treatment.line],
        f"The regimen is for {population_in_words(regimen.population)}.",
        "No allergy, interaction, age, pregnancy or body-site rule of the formulary speaks against it.",
        (
            f"Treatment {treatment.id}{release}: {reviewed}; confidence of the treatment "
            f"{treatment.confidence}, of the medicine {medication.confidence}."
        ),
    )


def _message(case: Case, proposed: tuple[Proposed, ...], excluded: list[Excluded]) -> str | None:
    name = case.formulary.condition_name(case.condition)
    if proposed:
        if not any(item.may_supply for item in proposed):
            return "Nothing here may be supplied by this account; see each medicine for who may."
        return None
    if excluded:
        return (
            f"No medicine for {name} suits this patient: see the reasons, and refer or ask what is missing."
        )
    return f"The formulary holds no medicine for {name}."
