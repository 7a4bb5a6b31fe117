"""Everything that stands against releasing a formulary, each fault with its place."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

from dermatech.core.releases import Fault
from medications.engine import Formulary, FormularyError, parse_formulary
from medications.engine.lexicon import normalise
from medications.engine.model import Medication, Regimen, Treatment
from medications.rules import amounts, atc
from medications.rules.bands import gaps, overlap
from triage.facts import BODY_SITES, FACTS

Json = Mapping[str, Any]


def check(snapshot: Json) -> list[Fault]:
    """Every fault of `snapshot`; empty when it may be released."""
    try:
        formulary = parse_formulary(snapshot)
    except FormularyError as error:
        return [Fault("formulary", fault) for fault in error.faults]
    if not formulary.medications:
        return [Fault("formulary", "There is nothing in it yet.")]
    return [*_medications(formulary), *_treatments(formulary), *_vocabulary(formulary)]


def _medications(formulary: Formulary) -> Iterator[Fault]:
    coded = [atc.Coded(item.name, item.atc, item.ingredients) for item in formulary.medications.values()]
    for medication in formulary.medications.values():
        place = f"medications.{medication.id}"
        if not medication.ingredients:
            yield Fault(place, "It names no ingredient, so no allergy can be checked.")
        for wrong in atc.faults(
            medication.atc, route=medication.route, aware_group=medication.aware_group or ""
        ):
            yield Fault(place, wrong.message)
        if clash := atc.conflict(atc.Coded(medication.name, medication.atc, medication.ingredients), coded):
            yield Fault(place, clash)
        for site in medication.body_site_restrictions:
            if site not in BODY_SITES:
                yield Fault(place, f"{site!r} is not a body site.")
        yield from _interactions(formulary, medication, place)


def _interactions(formulary: Formulary, medication: Medication, place: str) -> Iterator[Fault]:
    for entry in medication.interactions:
        if entry.is_class and entry.other not in formulary.interaction_classes:
            yield Fault(place, f"There is no interaction class {entry.other!r}.")


def _treatments(formulary: Formulary) -> Iterator[Fault]:
    for treatment in formulary.treatments:
        place = f"treatments.{treatment.id}"
        medication = formulary.medications[treatment.medication]
        if treatment.condition not in formulary.conditions:
            yield Fault(place, f"There is no condition {treatment.condition!r}.")
        if treatment.id != f"{treatment.condition}--{treatment.medication}":
            yield Fault(place, "Its id is not that of its condition and its medicine.")
        for number, regimen in enumerate(treatment.regimens, 1):
            low = regimen.population.age_min_months or 0
            if low < medication.age_min_months:
                yield Fault(place, f"Regimen {number} starts at {low} months, below the medicine's "
                                   f"{medication.age_min_months}.")  # fmt: skip
            for wrong in amounts.faults_with(_product(medication), _numbers(regimen)):
                yield Fault(place, f"Regimen {number}: {wrong.message}")
        yield from _bands(treatment, place)


def _product(medication: Medication) -> amounts.Product:
    return amounts.Product(medication.form, medication.route, medication.strength, medication.scored)


def _numbers(regimen: Regimen) -> dict[str, Any]:
    """The regimen's numbers under the names of the working rows."""
    spans = {
        "mg_per_kg": regimen.mg_per_kg, "dose_mg": regimen.dose_mg, "units": regimen.units,
        "dose_ml": regimen.dose_ml, "doses_per_day": regimen.doses_per_day,
    }  # fmt: skip
    return {
        "doses_per_week": regimen.doses_per_week,
        "max_single_mg": regimen.max_single_mg,
        **{f"{name}_low": span.low if span else None for name, span in spans.items()},
        **{f"{name}_high": span.high if span else None for name, span in spans.items()},
    }


def _bands(treatment: Treatment, place: str) -> Iterator[Fault]:
    for (first, one), (second, other) in combinations(enumerate(treatment.regimens, 1), 2):
        if overlap(one.population, other.population):
            yield Fault(place, f"Regimens {first} and {second} are both for some patients.")
    for gap in gaps([regimen.population for regimen in treatment.regimens]):
        yield Fault(place, f"Before regimen {gap.regimen + 1}: {gap.message}")


def _vocabulary(formulary: Formulary) -> Iterator[Fault]:
    for limit in formulary.use_limits.values():
        place = f"use_limits.{limit.id}"
        yield from _unknown(place, "health concept", limit.concepts, formulary.concepts)
        yield from _unknown(place, "fact", limit.facts, FACTS)
        yield from _unknown(place, "body site", (*limit.not_sites, *limit.only_sites), BODY_SITES)
    for allergy in formulary.allergy_classes.values():
        place = f"allergy_classes.{allergy.id}"
        yield from _unknown(place, "allergy class", allergy.cross_reacts, formulary.allergy_classes)
    for concept in formulary.concepts.values():
        place = f"health_concepts.{concept.id}"
        yield from _unknown(place, "condition", concept.conditions, formulary.conditions)
        yield from _unknown(place, "fact", concept.facts, FACTS)
        if any(not normalise(term) for term in (*concept.patient_terms, *concept.record_terms)):
            yield Fault(place, "A term has no letters.")


def _unknown(place: str, kind: str, names: Iterable[str], known: Iterable[str]) -> Iterator[Fault]:
    there = set(known)
    for name in names:
        if name not in there:
            yield Fault(place, f"There is no {kind} {name!r}.")
