"""From a condition and a patient to medicines: every candidate proposed or excluded, with reasons."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medications.engine import wording
from medications.engine.antibiotics import no_antibiotic
from medications.engine.case import Case, understand
from medications.engine.dosing import DoseImpossible, compute_dose
from medications.engine.findings import Findings
from medications.engine.formulary import Formulary
from medications.engine.household import household
from medications.engine.limits import check_treatment, most_area
from medications.engine.model import AWARE_GROUPS, LegalClass, Line, Medication, Regimen, Treatment
from medications.engine.quantity import quantity_to_supply
from medications.engine.regimens import choose_regimen
from medications.engine.results import Code, Dose, Excluded, Patient, Proposed, Reason, Recommendations
from medications.engine.safety import check_medication, place
from medications.engine.supply import Supply, supply

LEVELS = ("emergency", "refer_urgent", "refer_routine", "pharmacy_treatment", "self_care")
_NO_TREATMENT = frozenset({"emergency", "refer_urgent"})
# What contacts are treated under: they are not the ones who are referred.
_CONTACTS_LEVEL = "pharmacy_treatment"


@dataclass(frozen=True, slots=True)
class _Desk:
    """Who would supply, with what in hand, at which level of triage."""

    cadre: str
    prescription: bool
    level: str

    def may(self, medication: Medication) -> Supply:
        return supply(self.cadre, medication.legal_class, prescription=self.prescription)


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
    level_rules: Sequence[str] = (),
) -> Recommendations:
    """Judge every treatment of `condition` (a condition id) for `patient`.

    `facts` as in the triage vocabulary, absent or None = unknown; `cadre` of the person who would
    supply, `level` the triage level; `prescription` whether a valid one is at hand. `unconfirmed`:
    no person has confirmed `condition`, and these are possible too (None = it is confirmed).
    `level_rules` are the ids of the guidelines that set the level, the leading one first. Proposed
    come best first: line, suitability, legal class, AWaRe group, id. Raises ValueError on an unknown
    level, which must never be taken for a harmless one.
    """
    if level not in LEVELS:
        raise ValueError(f"{level!r} is not a triage level")
    treatments = formulary.treatments_of(condition)
    case = understand(condition, patient, facts, formulary, unconfirmed=unconfirmed)
    desk = _Desk(cadre, prescription, level)
    if level in _NO_TREATMENT:
        return _nothing_now(case, treatments, desk, level_rules)
    proposed, excluded = _judged(case, treatments, desk)
    visible = [item for item in treatments if desk.may(formulary.medications[item.medication]).shown]

    def for_contact(contact: Patient) -> Sequence[Proposed]:
        other = understand(condition, contact, {}, formulary, unconfirmed=unconfirmed)
        return _judged(other, visible, _Desk(cadre, prescription, _CONTACTS_LEVEL))[0]

    shown = {item.id for item in visible}
    return Recommendations(
        proposed,
        tuple(excluded),
        case.unrecognised,
        wording.message(case, proposed, excluded),
        no_antibiotic(
            case, visible, proposed, [item for item in excluded if item.treatment in shown], level=level
        ),
        household(case, visible, for_contact),
    )


def _judged(
    case: Case, treatments: Sequence[Treatment], desk: _Desk
) -> tuple[tuple[Proposed, ...], list[Excluded]]:
    ranked: list[_Ranked] = []
    excluded: list[Excluded] = []
    for treatment in treatments:
        outcome = _judge(case, treatment, case.formulary.medications[treatment.medication], desk)
        if isinstance(outcome, Excluded):
            excluded.append(outcome)
        else:
            ranked.append(outcome)
    ranked.sort(key=lambda item: item.key)
    return tuple(item.proposed for item in ranked), excluded


def _judge(case: Case, treatment: Treatment, medication: Medication, desk: _Desk) -> _Ranked | Excluded:
    may = desk.may(medication)
    if not may.shown:
        return _hidden(treatment, medication, may)
    found = Findings()
    check_medication(case, medication, found)
    check_treatment(case, treatment, found)
    regimen = choose_regimen(case, treatment, medication, found)
    dose = _dose(case, treatment, medication, regimen, found)
    if found.reasons or regimen is None or dose is None:
        return _excluded(treatment, medication, found.reasons)
    wording.general_warnings(case, medication, desk.level, found)
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
        counselling=wording.counselling(treatment, medication, regimen),
        warnings=(
            *(() if may.may else (may.reason,)),
            *wording.not_confirmed(case),
            *wording.incomplete(case.unrecognised),
            *found.warnings,
        ),
        may_supply=may.may,
        who_may_supply=None if may.may else may.reason,
        legal_class=medication.legal_class.value,
        because=wording.because(case, treatment, medication, regimen),
        maxima=wording.maxima(medication, dose),
        stop_and_refer=tuple(wording.stop_signs(treatment)),
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
        rule = f"treatments.{treatment.id}.regimen"
        if error.product:
            rule = place(medication, "scored" if medication.form == "tablet" else "strength")
        found.against(Code.DOSE, f"{medication.name} cannot be dosed here: {error}.", rule)
        return None


def _hidden(treatment: Treatment, medication: Medication, may: Supply) -> Excluded:
    """Only that it exists and who may: no strength, no age or weight band, no other reason."""
    name = wording.unprinted_name(medication)
    reason = Reason(Code.LEGAL_CLASS, f"{name}: {may.reason}", place(medication, "legal_class"))
    return Excluded(treatment.id, medication.id, name, (reason,))


def _excluded(treatment: Treatment, medication: Medication, reasons: Sequence[Reason]) -> Excluded:
    order = list(Code)
    return Excluded(
        treatment.id,
        medication.id,
        medication.name,
        tuple(sorted(reasons, key=lambda reason: order.index(reason.code))),
    )


def _nothing_now(
    case: Case, treatments: Sequence[Treatment], desk: _Desk, level_rules: Sequence[str]
) -> Recommendations:
    words = desk.level.replace("_", " ")
    text = f"Triage says {words}: no medicine is supplied first, because it could delay the referral."
    rule = f"guidelines.{level_rules[0]}" if level_rules else f"triage.level.{desk.level}"
    reasons = (Reason(Code.SEVERITY, text, rule),)

    def name(medication: Medication) -> str:
        return medication.name if desk.may(medication).shown else wording.unprinted_name(medication)

    return Recommendations(
        proposed=(),
        excluded=tuple(
            Excluded(item.id, item.medication, name(case.formulary.medications[item.medication]), reasons)
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
