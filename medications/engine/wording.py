"""What is said with a proposal: warnings, maxima, counselling, and why it is proposed."""

import re

from medications.engine.case import Case
from medications.engine.findings import Findings
from medications.engine.model import Line, Medication, Regimen, Treatment
from medications.engine.regimens import population_in_words
from medications.engine.results import Dose, Excluded, Proposed, Unrecognised, listed, plain

_UNDER = re.compile(r"Under (\d+) (months|years)\b")
_KINDS = {"allergy": "allergies", "medicine": "current medicines", "condition": "health problems"}
# "As above" stood under another treatment in the source and says nothing by itself.
_REFERS_BACK = "As above"


def general_warnings(case: Case, medication: Medication, level: str, found: Findings) -> None:
    """Warnings that hang on the case or the product as a whole, not on one check."""
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
    for line in (*medication.cautions, *medication.application_limits):
        if not _outgrown(line, case.age_months):
            found.warn(line)


def maxima(medication: Medication, dose: Dose) -> tuple[str, ...]:
    """The most at once, a day, a week and for how long, one sentence each."""
    lines = list(dose.maxima)
    if medication.max_weekly_grams is not None:
        lines.append(f"No more than {plain(medication.max_weekly_grams)} g a week.")
    if medication.max_duration_days is not None:
        days = medication.max_duration_days
        lines.append(f"Not longer than {days} day{'' if days == 1 else 's'} without a review.")
    return tuple(lines)


def not_confirmed(case: Case) -> list[str]:
    """The warning while nobody has confirmed what is treated."""
    if case.confirmed:
        return []
    name = case.formulary.condition_name(case.condition)
    return [f"Nobody has confirmed that this is {name}: confirm the working diagnosis before you supply."]


def incomplete(unknown: tuple[Unrecognised, ...]) -> list[str]:
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


def stop_signs(treatment: Treatment) -> list[str]:
    """The treatment's own signs to stop and refer."""
    return [line for line in treatment.stop_and_refer_if if line != _REFERS_BACK]


def counselling(treatment: Treatment, medication: Medication, regimen: Regimen) -> tuple[str, ...]:
    """What to tell the patient, one sentence each."""
    lines = [regimen.instructions] if regimen.instructions else []
    lines += medication.counselling_points
    lines += [f"Use only if: {phrase}" for phrase in treatment.conditions_of_use]
    lines += [f"Stop and refer if: {phrase}" for phrase in stop_signs(treatment)]
    return tuple(dict.fromkeys(lines))


def because(case: Case, treatment: Treatment, medication: Medication, regimen: Regimen) -> tuple[str, ...]:
    """Why this is proposed, and who answers for it."""
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


def message(case: Case, proposed: tuple[Proposed, ...], excluded: list[Excluded]) -> str | None:
    """What to say where a list alone would leave the reader without an answer."""
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


def unprinted_name(medication: Medication) -> str:
    """The medicine without its strength, for those who must not see how it is dosed."""
    words = f"{medication.generic_name} {medication.form}"
    return words[0].upper() + words[1:]


def _outgrown(caution: str, age_months: int | None) -> bool:
    """`Under 3 months: assess first` says nothing to an adult."""
    match = _UNDER.match(caution)
    if match is None or age_months is None:
        return False
    return age_months >= int(match[1]) * (12 if match[2] == "years" else 1)
