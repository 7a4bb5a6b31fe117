"""Treatment of the people a patient lives with, where a treatment asks for it (scabies)."""

from collections.abc import Callable, Iterator, Sequence

from medications.engine.case import Case
from medications.engine.lexicon import mentions
from medications.engine.model import Treatment
from medications.engine.results import Contacts, Household, Patient, Proposed
from medications.engine.safety import age_in_words

# How a treatment's conditions of use say that contacts are treated too.
_WORD = "household"
# Stands for any grown-up; between 18 and 65 no regimen makes a difference.
_ADULT_MONTHS = 360
_ASK_EACH = (
    "Ask each of them for age, weight, pregnancy, breastfeeding, allergies, illnesses and medicines; open a "
    "consultation of their own for whoever has any of these."
)
Propose = Callable[[Patient], Sequence[Proposed]]


def household(case: Case, treatments: Sequence[Treatment], propose: Propose) -> Household | None:
    """What each age group of the household gets; None where contacts need no treatment.

    `propose` answers for a healthy contact, so that what a contact gets has passed the same checks.
    Somebody ill, allergic, pregnant or taking medicines is asked about on their own.
    """
    asking = [item for item in treatments if _phrase(item)]
    if not asking:
        return None
    medicines = {item.medication for item in asking}
    people = [*_by_age(asking, medicines, propose), _expecting(medicines, propose)]
    name = case.formulary.condition_name(case.condition)
    return Household(
        because=f"{_phrase(asking[0])}: whoever lives with the patient may have {name} without itching yet.",
        people=tuple(people),
        advice=(
            *([] if case.confirmed else [f"Confirm that it is {name} before you treat the household."]),
            "Treat everybody on the same day, itching or not.",
            _ASK_EACH,
        ),
    )


def _phrase(treatment: Treatment) -> str:
    return next((line for line in treatment.conditions_of_use if mentions(line, _WORD)), "")


def _by_age(asking: Sequence[Treatment], medicines: set[str], propose: Propose) -> Iterator[Contacts]:
    """One row for each age band that the regimens make; the quantity is enough for the oldest in it."""
    bands = [item.population for treatment in asking for item in treatment.regimens]
    starts = {0, *(band.age_min_months or 0 for band in bands)}
    starts |= {band.age_max_months + 1 for band in bands if band.age_max_months is not None}
    ordered = sorted(starts, reverse=True)
    for place, low in enumerate(ordered):
        high = None if place == 0 else ordered[place - 1] - 1
        oldest = max(low, _ADULT_MONTHS) if high is None else high
        yield Contacts(_ages(low, high), _best(medicines, propose, low, oldest))


def _best(medicines: set[str], propose: Propose, low: int, high: int) -> Proposed | None:
    """The first choice for the oldest that the youngest may have too; what may be supplied comes first."""
    youngest = {item.medication for item in propose(Patient(age_months=low, sex="male"))}
    fitting = [
        item
        for item in propose(Patient(age_months=high, sex="male"))
        if item.medication in medicines & youngest
    ]
    return next((item for item in fitting if item.may_supply), fitting[0] if fitting else None)


def _expecting(medicines: set[str], propose: Propose) -> Contacts:
    woman = Patient(age_months=_ADULT_MONTHS, sex="female", pregnant=True, breastfeeding=True)
    fitting = [item for item in propose(woman) if item.medication in medicines]
    best = next((item for item in fitting if item.may_supply), fitting[0] if fitting else None)
    return Contacts("Pregnant or breastfeeding", best)


def _ages(low: int, high: int | None) -> str:
    if high is None:
        return f"{age_in_words(low)} and over"
    if low == 0:
        return f"Under {age_in_words(high + 1)}"
    return f"{age_in_words(low)} to {age_in_words(high)}"
