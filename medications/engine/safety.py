"""Whether a medicine suits a patient, whatever it is used for."""

from medications.engine.bodysites import blocked, reaches_into, spoken
from medications.engine.case import Case
from medications.engine.findings import Findings
from medications.engine.lexicon import Allergen, mentions, normalise
from medications.engine.model import (
    Interaction,
    InteractionSeverity,
    LifeStage,
    LifeStatus,
    Medication,
    Route,
)
from medications.engine.results import Code, listed


def check_medication(case: Case, medication: Medication, found: Findings) -> None:
    """Every check of the medicine itself, in the order in which reasons matter."""
    _allergies(case, medication, found)
    _life_stage(case.pregnant, medication.pregnancy, medication, found, Code.PREGNANCY)
    _life_stage(case.breastfeeding, medication.lactation, medication, found, Code.LACTATION)
    _interactions(case, medication, found)
    _contraindications(case, medication, found)
    _age(case, medication, found)
    _body_sites(case, medication, found)


def place(medication: Medication, field: str, part: str | int | None = None) -> str:
    """A rule of the release by its place: `medications.<id>.<field>`, or one part of it."""
    whole = f"medications.{medication.id}.{field}"
    return whole if part is None else f"{whole}.{part}"


def line_place(medication: Medication, line: str) -> str:
    """The place of one sentence among the contraindications or the limits of application."""
    if line in medication.contraindications:
        return place(medication, "contraindications", medication.contraindications.index(line))
    return place(medication, "application_limits", medication.application_limits.index(line))


def age_in_words(months: int) -> str:
    """`7 months` below two years, then whole years (and months where not whole)."""
    if months < 24:
        return f"{months} month{'' if months == 1 else 's'}"
    years, rest = divmod(months, 12)
    return f"{years} years" + (f" and {rest} month{'' if rest == 1 else 's'}" if rest else "")


def _allergies(case: Case, medication: Medication, found: Findings) -> None:
    ingredients = {normalise(name) for name in medication.ingredients}
    classes = set(medication.allergy_classes).union(
        *(case.formulary.lexicon.classes_of.get(name, frozenset()) for name in ingredients)
    )
    for text, allergen in case.allergens:
        if why := _allergy_reason(case, text, allergen, ingredients, classes, medication):
            said, rule = why
            found.against(
                Code.ALLERGY, f'The patient is allergic to "{text}": {medication.name} {said}.', rule
            )
        elif line := _mentioned(text, allergen, case, medication.cautions):
            found.warn(
                f'The patient is allergic to "{text}"; {medication.name} carries the caution "{line}".', 2
            )
    if case.allergens and medication.allergy_note:
        found.warn(f"Allergy note: {medication.allergy_note}")


def _allergy_reason(
    case: Case,
    text: str,
    allergen: Allergen,
    ingredients: set[str],
    classes: set[str],
    medication: Medication,
) -> tuple[str, str] | None:
    """What makes the medicine dangerous to this person, and the rule that says so."""
    known = case.formulary.allergy_classes

    def named(ids: frozenset[str]) -> str:
        return listed([known[item].name if item in known else item for item in sorted(ids)])

    def rule(ids: frozenset[str]) -> str:
        listed_there = sorted(ids & known.keys())
        return f"allergy_classes.{listed_there[0]}" if listed_there else place(medication, "allergy_classes")

    if same := frozenset(ingredients & allergen.generics):
        return f"contains {listed(sorted(same))}", place(medication, "ingredients")
    if shared := allergen.classes & classes:
        return f"belongs to the {named(shared)}", rule(shared)
    if crossing := allergen.related & classes:
        return f"belongs to the {named(crossing)}, which can cross-react", rule(crossing)
    if line := _mentioned(text, allergen, case, medication.contraindications):
        return f'is contraindicated: "{line}"', line_place(medication, line)
    return None


def _mentioned(text: str, allergen: Allergen, case: Case, lines: tuple[str, ...]) -> str | None:
    """The first line that names the allergen itself, as for excipients."""
    known = case.formulary.allergy_classes
    names = {known[item].name for item in allergen.classes & known.keys()}
    terms = {text, *allergen.generics, *allergen.classes, *names}
    return next(
        (line for line in lines if any(term and mentions(line, term) for term in sorted(terms))), None
    )


def _life_stage(
    state: bool | None, stage: LifeStage, medication: Medication, found: Findings, code: Code
) -> None:
    if state is False or stage.status is LifeStatus.ALLOWED:
        return
    word = "pregnant" if code is Code.PREGNANCY else "breastfeeding"
    time = "pregnancy" if code is Code.PREGNANCY else "breastfeeding"
    note = f" ({stage.note})" if stage.note else ""
    rule = place(medication, code.value)
    if stage.status is LifeStatus.CAUTION:
        if state is None:
            found.warn(f"Ask whether she is {word}: {medication.name} needs caution in {time}{note}.", 1)
        else:
            found.warn(f"Caution in {time}: {stage.note or 'use only if needed'}.", 2)
    elif state is None:
        found.against(
            code,
            f"Nobody has said whether the patient is {word}, and {medication.name} is to be avoided in "
            f"{time}{note}. Ask, then run this again.",
            rule,
        )
    else:
        found.against(code, f"{medication.name} is to be avoided in {time}{note}.", rule)


def _interactions(case: Case, medication: Medication, found: Findings) -> None:
    own = {normalise(name) for name in medication.ingredients}
    for text, names in case.medicines:
        if own & names:
            found.warn(f'The patient already takes "{text}": do not give the same medicine twice.', 1)
        for entry in medication.interactions:
            if _hits(case, entry, names, own):
                _report(entry, text, medication, medication, found)
        if medication.route is Route.ORAL:
            _reverse_interactions(case, medication, text, names, found)


def _hits(case: Case, entry: Interaction, names: frozenset[str], own: set[str]) -> bool:
    """Whether a medicine taken (by its generic names) is the other side of `entry`.

    A medicine is not its own interaction through a class; named outright (paracetamol) it is.
    """
    if not entry.is_class:
        return normalise(entry.other) in names
    members = {normalise(name) for name in case.formulary.interaction_classes.get(entry.other, ())}
    return bool(members & (names - own))


def _report(
    entry: Interaction, text: str, medication: Medication, owner: Medication, found: Findings
) -> None:
    """`owner` is the medicine whose entry it is."""
    said = f'"{text}" and {medication.name}: {entry.effect}'
    if entry.severity is InteractionSeverity.MAJOR:
        rule = place(owner, "interactions", entry.other)
        found.against(Code.INTERACTION, f"Major interaction between {said}.", rule)
    else:
        weight = 2 if entry.severity is InteractionSeverity.MODERATE else 1
        found.warn(f"{entry.severity.value.capitalize()} interaction between {said}.", weight)


def _reverse_interactions(
    case: Case, medication: Medication, text: str, names: frozenset[str], found: Findings
) -> None:
    """Interactions that stand only with the medicine already taken, where that is in the formulary."""
    own = frozenset(normalise(name) for name in medication.ingredients)
    for other in sorted(case.formulary.medications.values(), key=lambda item: item.id):
        taken = {normalise(name) for name in other.ingredients}
        if other.route is not Route.ORAL or not taken <= names or taken & own:
            continue
        for entry in other.interactions:
            if _hits(case, entry, own, taken):
                _report(entry, text, medication, other, found)


def _contraindications(case: Case, medication: Medication, found: Findings) -> None:
    # Lines that begin with "With" name other medicines; those are checked as interactions.
    barred = [line for line in medication.contraindications if not normalise(line).startswith("with ")]
    limits = [line for line in medication.application_limits if normalise(line).startswith("not on ")]
    for concept_id, known_by in sorted(case.concepts.items()):
        concept = case.formulary.concepts[concept_id]
        for line in (*barred, *limits):
            if any(mentions(line, term) for term in concept.record_terms):
                found.against(
                    Code.CONTRAINDICATION,
                    f'{medication.name} is not for {concept.name} ("{line}"), and {known_by}.',
                    line_place(medication, line),
                )
        for line in medication.cautions:
            if any(mentions(line, term) for term in concept.record_terms):
                found.warn(f'Caution "{line}": {known_by}.', 2)
    for concept_id, name in sorted(case.possible.items()):
        terms = case.formulary.concepts[concept_id].record_terms
        for line in (*barred, *limits):
            if any(mentions(line, term) for term in terms):
                found.warn(f'Not for "{line}", and {name} is possible too: rule it out first.', 2)
    for text in case.other_conditions:
        for line in (*barred, *limits):
            if mentions(line, text):
                found.against(
                    Code.CONTRAINDICATION,
                    f'{medication.name} is contraindicated ("{line}"), and the patient has "{text}".',
                    line_place(medication, line),
                )


def _age(case: Case, medication: Medication, found: Findings) -> None:
    least = medication.age_min_months
    if case.age_months is None:
        if least > 0:
            found.against(
                Code.AGE,
                f"The age is not known, and {medication.name} is only for {age_in_words(least)} and over. "
                "Ask the age.",
                place(medication, "age_min_months"),
            )
    elif case.age_months < least:
        found.against(
            Code.AGE,
            f"The patient is {age_in_words(case.age_months)} old; {medication.name} is only for "
            f"{age_in_words(least)} and over.",
            place(medication, "age_min_months"),
        )


def _body_sites(case: Case, medication: Medication, found: Findings) -> None:
    restricted = medication.body_site_restrictions
    if medication.route is not Route.TOPICAL or not restricted:
        return
    if case.sites is None:
        found.warn(
            f"Where it is was not said. Do not use on: {listed([spoken(site) for site in restricted])}.", 1
        )
        return
    if barred := blocked(case.sites, restricted, age_months=case.age_months):
        free = [site for site in case.sites if site not in barred]
        other = (
            f" Other places ({listed([spoken(s) for s in free])}) can be assessed on their own."
            if free
            else ""
        )
        found.against(
            Code.BODY_SITE,
            f"{medication.name} must not be used on: {listed([spoken(site) for site in barred])}.{other}",
            place(medication, "body_site_restrictions"),
        )
    elif near := reaches_into(case.sites, restricted):
        found.warn(f"Keep away from: {listed([spoken(site) for site in near])}.")
