"""Whether a treatment's own conditions of use and stop signs allow it for this patient."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from medications.engine.bodysites import blocked, spoken, within_only
from medications.engine.case import Case
from medications.engine.findings import Findings
from medications.engine.formulary import Formulary
from medications.engine.model import SEVERITIES, Treatment, UseLimit
from medications.engine.results import Code, listed, plain
from medications.engine.safety import age_in_words

# Said by the medicine already, these are not said again by the treatment.
_SAID_ONCE = {Code.AGE, Code.PREGNANCY, Code.LACTATION, Code.WEIGHT}


def check_treatment(case: Case, treatment: Treatment, found: Findings) -> None:
    """Apply every sentence of the treatment that the release knows how to check."""
    for phrase in (*treatment.conditions_of_use, *treatment.stop_and_refer_if):
        if (limit := case.formulary.use_limits.get(phrase)) is None:
            continue
        told = {reason.code for reason in found.reasons} & _SAID_ONCE
        for code, because in _violations(case, limit):
            if code in told:
                continue
            found.against(
                code,
                f'The treatment says "{phrase}", and {because}.',
                f"use_limits.{limit.id}",
            )


def most_area(formulary: Formulary, treatment: Treatment) -> Decimal | None:
    """The largest part of the skin, in percent, for which the treatment says it may be used."""
    phrases = (*treatment.conditions_of_use, *treatment.stop_and_refer_if)
    limits = (formulary.use_limits.get(phrase) for phrase in phrases)
    areas = [each.max_area_percent for each in limits if each and each.max_area_percent is not None]
    return min(areas, default=None)


def as_number(value: Any) -> Decimal | None:
    """A numeric fact as Decimal; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return Decimal(str(value))


def _violations(case: Case, limit: UseLimit) -> Iterator[tuple[Code, str]]:
    yield from _life(case, limit)
    for concept in limit.concepts:
        if concept in case.concepts:
            yield Code.CONTRAINDICATION, case.concepts[concept]
    for fact in limit.facts:
        if case.is_true(fact):
            yield Code.CONTRAINDICATION, f"{fact.replace('_', ' ')} was answered with yes"
    yield from _sites(case, limit)
    yield from _measures(case, limit)


def _life(case: Case, limit: UseLimit) -> Iterator[tuple[Code, str]]:
    if limit.not_pregnant and case.pregnant is not False:
        yield Code.PREGNANCY, _stage(case.pregnant, "pregnant")
    if limit.not_breastfeeding and case.breastfeeding is not False:
        yield Code.LACTATION, _stage(case.breastfeeding, "breastfeeding")


def _stage(state: bool | None, word: str) -> str:
    return f"the patient is {word}" if state else f"nobody has said whether the patient is {word}; ask"


def _sites(case: Case, limit: UseLimit) -> Iterator[tuple[Code, str]]:
    if case.sites is None:
        return
    barred = blocked(case.sites, limit.not_sites, age_months=case.age_months)
    if barred:
        yield Code.BODY_SITE, f"the problem is on: {listed([spoken(site) for site in barred])}"
    if limit.only_sites and not within_only(case.sites, limit.only_sites):
        yield Code.BODY_SITE, f"the problem is on: {listed([spoken(site) for site in case.sites])}"


def _measures(case: Case, limit: UseLimit) -> Iterator[tuple[Code, str]]:
    severity = case.facts.get("severity")
    if limit.severities and severity is None and SEVERITIES[0] not in limit.severities:
        # What is not for mild cases (antibiotics by mouth) is not begun before somebody has judged.
        yield Code.SEVERITY, "nobody has said how severe it is; judge it first"
    elif limit.severities and severity is not None and severity not in limit.severities:
        yield Code.SEVERITY, f"it is {severity}"
    area = as_number(case.facts.get("lesion_area_percent"))
    if limit.max_area_percent is not None and area is not None and area > limit.max_area_percent:
        yield (
            Code.SEVERITY,
            f"{plain(area)} % of the skin is affected (limit {plain(limit.max_area_percent)} %)",
        )
    days = as_number(case.facts.get("duration_days"))
    if limit.max_duration_days is not None and days is not None and days > limit.max_duration_days:
        yield Code.DURATION, f"it has lasted {plain(days)} days (limit {plain(limit.max_duration_days)})"
    age, weight = case.age_months, case.patient.weight_kg
    if limit.min_age_months is not None and age is not None and age < limit.min_age_months:
        yield Code.AGE, f"the patient is {age_in_words(age)} old"
    if limit.min_weight_kg is not None and weight is not None and weight < limit.min_weight_kg:
        yield Code.WEIGHT, f"the patient weighs {plain(weight)} kg"
