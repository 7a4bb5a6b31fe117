"""`No antibiotic today`, said as an answer of its own: why, what to expect, when to come back."""

from collections.abc import Iterable, Iterator, Sequence

from medications.engine.case import Case
from medications.engine.model import Line, Medication, Treatment
from medications.engine.results import Code, Excluded, NoAntibiotic, Proposed
from medications.engine.wording import stop_signs

# ATC: antibacterials for systemic use; topical antibiotics; sulfonamides; antiinfectives for acne.
_ANTIBACTERIAL = ("J01", "D06A", "D06BA", "D10AF")
_SYSTEMIC = "J01"
# The health concept that a condition belongs to -> why an antibiotic would do nothing.
_NOT_BACTERIA = {
    "viral-skin-infection": "A virus causes it; antibiotics act on bacteria only.",
    "fungal-skin-infection": "A fungus or yeast causes it; antibiotics act on bacteria only.",
    "scabies": "A mite causes it; antibiotics act on bacteria only.",
}
_BACTERIA = "bacterial-skin-infection"
# A referral leaves the question of an antibiotic to the prescriber.
_LEVELS = frozenset({"pharmacy_treatment", "self_care"})


def is_antibiotic(medication: Medication) -> bool:
    """Whether it acts on bacteria and resistance is at stake."""
    return medication.aware_group is not None or medication.atc.startswith(_ANTIBACTERIAL)


def no_antibiotic(
    case: Case,
    treatments: Sequence[Treatment],
    proposed: Sequence[Proposed],
    excluded: Sequence[Excluded],
    *,
    level: str,
) -> NoAntibiotic | None:
    """The answer where people ask for an antibiotic and none is the choice; None elsewhere.

    `treatments` are those that the person asking may see. Only where something else is proposed, no
    antibiotic leads and none by mouth is proposed at all.
    """
    medicines = case.formulary.medications
    if level not in _LEVELS or not proposed or is_antibiotic(medicines[proposed[0].medication]):
        return None
    if any(medicines[item.medication].atc.startswith(_SYSTEMIC) for item in proposed):
        return None
    why = list(_why(case, treatments, proposed, excluded))
    if not why:
        return None
    advice = case.formulary.advice_on(case.condition)
    chosen = {item.treatment for item in proposed if item.may_supply}
    signs = [line for item in treatments if item.id in chosen for line in stop_signs(item)]
    return NoAntibiotic(
        because=_once(why),
        expect=_once(_expect(proposed[0])),
        meanwhile=_once(advice.self_care),
        return_if=_once(signs or advice.red_flags),
    )


def _why(
    case: Case, treatments: Sequence[Treatment], proposed: Sequence[Proposed], excluded: Sequence[Excluded]
) -> Iterator[str]:
    concepts = {item.id for item in case.formulary.concepts.values() if case.condition in item.conditions}
    yield from (text for concept, text in _NOT_BACTERIA.items() if concept in concepts)
    candidates = {
        item.medication for item in treatments if is_antibiotic(case.formulary.medications[item.medication])
    }
    if candidates:
        yield f"{proposed[0].name} is tried before any antibiotic."
    elif _BACTERIA in concepts:
        name = case.formulary.condition_name(case.condition)
        yield f"Treated in the pharmacy, {name} needs no antibiotic: the formulary has none for it."
    for item in proposed:
        if item.medication in candidates:
            yield f"{item.name} is the next step where this does not help."
    for left_out in excluded:
        # That a syrup is for children tells nothing about antibiotics.
        if left_out.medication in candidates and left_out.code is not Code.AGE:
            yield left_out.reasons[0].text


def _expect(first: Proposed) -> Iterator[str]:
    days = first.duration_days
    if days is not None:
        spoken = f"{days} day{'' if days == 1 else 's'}"
        adjunct = first.line == Line.ADJUNCT.value
        yield (
            f"{first.name} relieves it, for up to {spoken}."
            if adjunct
            else f"Treatment with {first.name} takes {spoken}."
        )
    yield "It should not get worse meanwhile; come back at once if it does."


def _once(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lines))
