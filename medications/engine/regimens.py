"""Which regimen of a treatment is the patient's."""

from medications.engine.case import Case
from medications.engine.findings import Findings
from medications.engine.model import Medication, Population, Regimen, Treatment
from medications.engine.results import Code, listed, plain
from medications.engine.safety import age_in_words


def choose_regimen(
    case: Case, treatment: Treatment, medication: Medication, found: Findings
) -> Regimen | None:
    """The first regimen whose age, severity and weight limits the patient is known to meet.

    None with a reason in `found` otherwise: an unknown age, severity or weight never meets a limit.
    """
    rule = f"treatments.{treatment.id}.regimen"
    by_age = [item for item in treatment.regimens if _age_fits(case, item.population)]
    if not by_age:
        if not any(reason.code is Code.AGE for reason in found.reasons):
            found.against(Code.AGE, _age_text(case, treatment, medication), rule)
        return None
    by_severity = [item for item in by_age if _severity_fits(case, item.population)]
    if not by_severity:
        found.against(Code.SEVERITY, _severity_text(case, by_age, medication), rule)
        return None
    fitting = [item for item in by_severity if _weight_fits(case, item)]
    if not fitting:
        found.against(Code.WEIGHT, _weight_text(case, by_severity, medication), rule)
        return None
    return fitting[0]


def population_in_words(population: Population) -> str:
    """`6 years to 11 years and 11 months, under 31 kg, moderate`."""
    words = [_ages(population)]
    if population.weight_min_kg is not None and population.weight_max_kg is not None:
        words.append(f"{plain(population.weight_min_kg)} kg to under {plain(population.weight_max_kg)} kg")
    elif population.weight_min_kg is not None:
        words.append(f"{plain(population.weight_min_kg)} kg or more")
    elif population.weight_max_kg is not None:
        words.append(f"under {plain(population.weight_max_kg)} kg")
    if population.severity:
        words.append(f"{population.severity} cases")
    return ", ".join(words)


def _ages(population: Population) -> str:
    low, high = population.age_min_months or 0, population.age_max_months
    if high is not None:
        return f"{age_in_words(low)} to {age_in_words(high)}"
    return f"{age_in_words(low)} and over" if low else "all ages"


def _age_fits(case: Case, population: Population) -> bool:
    low, high = population.age_min_months or 0, population.age_max_months
    if case.age_months is None:
        return low == 0 and high is None
    return low <= case.age_months and (high is None or case.age_months <= high)


def _severity_fits(case: Case, population: Population) -> bool:
    return population.severity is None or case.facts.get("severity") == population.severity


def _weight_fits(case: Case, regimen: Regimen) -> bool:
    weight, people = case.weight_kg, regimen.population
    by_weight = regimen.mg_per_kg is not None or regimen.max_daily_mg_per_kg is not None
    if not people.has_weight_band and not by_weight:
        return True
    if weight is None:
        return False
    above = people.weight_min_kg is None or people.weight_min_kg <= weight
    return above and (people.weight_max_kg is None or weight < people.weight_max_kg)


def _age_text(case: Case, treatment: Treatment, medication: Medication) -> str:
    ages = listed(sorted({_ages(item.population) for item in treatment.regimens}))
    if case.age_months is None:
        return f"The age is not known; {medication.name} is used here for {ages}. Ask the age."
    age = age_in_words(case.age_months)
    return f"The patient is {age} old; for this problem {medication.name} is used for {ages}."


def _severity_text(case: Case, regimens: list[Regimen], medication: Medication) -> str:
    wanted = listed(sorted({item.population.severity or "" for item in regimens}))
    given = case.facts.get("severity")
    if given is None:
        return f"{medication.name} is for {wanted} cases only. Judge first how severe it is."
    return f"{medication.name} is for {wanted} cases only; this one is {given}."


def _weight_text(case: Case, regimens: list[Regimen], medication: Medication) -> str:
    if case.patient.weight_kg is None:
        return f"The dose of {medication.name} depends on the weight, which is not known: weigh the patient."
    if case.weight_slip:
        return (
            f"The dose of {medication.name} depends on the weight, and {plain(case.patient.weight_kg)} kg "
            f"cannot be right at {age_in_words(case.age_months or 0)}: weigh the patient again."
        )
    bands = listed(sorted({population_in_words(item.population) for item in regimens}))
    return (
        f"The patient weighs {plain(case.patient.weight_kg)} kg; {medication.name} is used here for {bands}."
    )
