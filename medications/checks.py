"""Everything that stands against releasing a formulary, each fault with its place."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

from dermatech.core.releases import Fault
from medications.engine import Formulary, FormularyError, parse_formulary
from medications.engine.lexicon import normalise
from medications.engine.model import Medication, Population, Treatment
from triage.facts import BODY_SITES, FACTS

Json = Mapping[str, Any]
_OPEN_END = 10**6


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
    for medication in formulary.medications.values():
        place = f"medications.{medication.id}"
        if not medication.ingredients:
            yield Fault(place, "It names no ingredient, so no allergy can be checked.")
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
        yield from _overlaps(treatment, place)


def _overlaps(treatment: Treatment, place: str) -> Iterator[Fault]:
    for (first, one), (second, other) in combinations(enumerate(treatment.regimens, 1), 2):
        if overlap(one.population, other.population):
            yield Fault(place, f"Regimens {first} and {second} are both for some patients.")


def overlap(a: Population, b: Population) -> bool:
    """Whether some patient would be in both."""
    if a.severity and b.severity and a.severity != b.severity:
        return False
    return _ages_meet(a, b) and _weights_meet(a, b)


def _ages_meet(a: Population, b: Population) -> bool:
    low = max(a.age_min_months or 0, b.age_min_months or 0)
    highs = [high for high in (a.age_max_months, b.age_max_months) if high is not None]
    return low <= min(highs, default=_OPEN_END)


def _weights_meet(a: Population, b: Population) -> bool:
    """Half-open bands: 15 to 25 kg and 25 to 36 kg do not meet."""
    low = max(a.weight_min_kg or 0, b.weight_min_kg or 0)
    highs = [high for high in (a.weight_max_kg, b.weight_max_kg) if high is not None]
    return low < min(highs, default=_OPEN_END)


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
