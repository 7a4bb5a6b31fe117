"""One question to the formulary with everything about the patient already understood."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from medications.engine.formulary import Formulary
from medications.engine.lexicon import Allergen, says_nothing
from medications.engine.results import Patient, Unrecognised

# Unknown pregnancy counts as possible between these ages (10 and 55 completed years): wider than the
# 15 to 49 years of WHO's definition, because a wrong "no" harms and a needless question does not.
CHILDBEARING_MONTHS = (120, 659)
# (age below, months) -> kilograms that can be true. Far wider than 3 standard deviations of the WHO growth
# standards (2006) and reference (2007): what falls outside is a slip, as 120 for 12.0.
_POSSIBLE_KG = (
    (3, Decimal("0.3"), Decimal(12)),
    (12, Decimal(2), Decimal(20)),
    (36, Decimal(4), Decimal(30)),
    (72, Decimal(7), Decimal(50)),
    (144, Decimal(10), Decimal(110)),
    (216, Decimal(12), Decimal(250)),
)
_POSSIBLE_KG_ADULT = (Decimal(15), Decimal(500))


@dataclass(frozen=True, slots=True)
class Case:
    """`allergens` and `medicines` pair the words given with their meaning; `concepts` maps a health
    concept to how it is known; `sites` is None where nobody said where the problem is. While the
    condition is not `confirmed`, `possible` maps the health concepts of the others to their names."""

    condition: str
    patient: Patient
    facts: Mapping[str, Any]
    formulary: Formulary
    allergens: tuple[tuple[str, Allergen], ...]
    medicines: tuple[tuple[str, frozenset[str]], ...]
    concepts: Mapping[str, str]
    sites: tuple[str, ...] | None
    unrecognised: tuple[Unrecognised, ...]
    other_conditions: tuple[str, ...]
    confirmed: bool
    possible: Mapping[str, str]

    @property
    def age_months(self) -> int | None:
        return self.patient.age_months

    @property
    def weight_slip(self) -> bool:
        """Whether the weight given cannot be that of a person of this age."""
        weight, age = self.patient.weight_kg, self.age_months
        if weight is None or age is None:
            return False
        low, high = next(
            ((low, high) for below, low, high in _POSSIBLE_KG if age < below), _POSSIBLE_KG_ADULT
        )
        return not low <= weight <= high

    @property
    def weight_kg(self) -> Decimal | None:
        """The weight that doses may go by; a slip counts as not known."""
        return None if self.weight_slip else self.patient.weight_kg

    @property
    def pregnant(self) -> bool | None:
        """True, False, or None where it is possible and unknown."""
        return self._life_stage(self.patient.pregnant, "pregnancy")

    @property
    def breastfeeding(self) -> bool | None:
        return self._life_stage(self.patient.breastfeeding, "breastfeeding")

    def is_true(self, fact: str) -> bool:
        return self.facts.get(fact) is True

    def _life_stage(self, given: bool | None, concept: str) -> bool | None:
        if given is True or concept in self.concepts:
            return True
        low, high = CHILDBEARING_MONTHS
        possible = self.patient.sex != "male" and (self.age_months is None or low <= self.age_months <= high)
        return None if given is None and possible else False


def understand(
    condition: str,
    patient: Patient,
    facts: Mapping[str, Any],
    formulary: Formulary,
    *,
    unconfirmed: Collection[str] | None = None,
) -> Case:
    """Resolve every word about the patient; what is not understood lands in `unrecognised`."""
    lexicon = formulary.lexicon
    unknown: list[Unrecognised] = []

    def missed(kind: str, text: str) -> None:
        unknown.append(Unrecognised(kind, text, lexicon.suggestions(text, kind)))

    # Of an enumeration ("warfarin and blue pills") what is known counts, and the whole is still reported.
    allergens, medicines, unplaced = [], [], []
    for text in _given(patient.allergies):
        allergen, whole = lexicon.allergen(text), True
        if allergen is None:
            allergen, whole = lexicon.allergen_parts(text)
        if allergen is not None:
            allergens.append((text, allergen))
        if not whole:
            missed("allergy", text)
    for text in _given(patient.current_medicines):
        names = lexicon.medicine(text)
        if names is None:
            missed("medicine", text)
            names = lexicon.medicine_parts(text)
        if names:
            medicines.append((text, names))
    concepts = _concepts_from_facts(condition, facts, formulary)
    for text in _given(patient.conditions):
        found = lexicon.concepts_in(text)
        if found is None:
            unplaced.append(text)
            missed("condition", text)
            found = lexicon.concept_parts(text)
        for concept in sorted(found):
            concepts[concept] = f'the patient has "{text}"'
    return Case(
        condition=condition,
        patient=patient,
        facts=facts,
        formulary=formulary,
        allergens=tuple(allergens),
        medicines=tuple(medicines),
        concepts=concepts,
        sites=_sites(facts),
        unrecognised=tuple(unknown),
        other_conditions=tuple(unplaced),
        confirmed=unconfirmed is None,
        possible={
            concept.id: formulary.condition_name(other)
            for other in unconfirmed or ()
            for concept in formulary.concepts.values()
            if other in concept.conditions and concept.id not in concepts
        },
    )


def _given(texts: tuple[str, ...]) -> list[str]:
    return sorted({text.strip() for text in texts if not says_nothing(text)})


def _concepts_from_facts(condition: str, facts: Mapping[str, Any], formulary: Formulary) -> dict[str, str]:
    found: dict[str, str] = {}
    for concept in formulary.concepts.values():
        if condition in concept.conditions:
            found[concept.id] = f"the problem treated is {formulary.condition_name(condition)}"
        for fact in concept.facts:
            if facts.get(fact) is True:
                found[concept.id] = f"{fact.replace('_', ' ')} was answered with yes"
    return found


def _sites(facts: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The named sites and those that other answers imply."""
    named = facts.get("body_sites")
    sites = set(named or ())
    if facts.get("genital_involvement") is True:
        sites.add("genital")
    if facts.get("eye_involvement") is True:
        sites.add("periorbital")
    return tuple(sorted(sites)) or None
