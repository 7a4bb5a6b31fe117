"""What rules and conditions say to people: sources, safety nets, units, and skin that is not pale."""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dermatech.core.releases import Fault, Severity
from triage.engine.assessment import hours
from triage.engine.criteria import Criteria, Test, tests
from triage.engine.knowledge import Knowledge, Rule
from triage.engine.levels import Level

Row = Mapping[str, Any]
_RED: Final = re.compile(r"\b(red|redness|reddish|reddened|pink|pinkish|erythema\w*)\b", re.IGNORECASE)
_DARK: Final = re.compile(
    r"\b(dark\w*|brown\w*|black|purpl\w*|violet|gr[ea]y\w*|ashen|skin (tone|colou?r)s?|complexions?)\b",
    re.IGNORECASE,
)
_EYES: Final = re.compile(r"\beyes?\b", re.IGNORECASE)
_SENTENCE: Final = re.compile(r"[.;]")
# Words that send a person back or on to somebody, or say when.
_NET: Final = re.compile(
    r"\b(come back|return|go (at once|now|straight|today|to)|get to|see an?|hospital|clinic"
    r"|health (centre|facility)|doctor|prescriber|emergency|ambulance|112|193|seek|attend"
    r"|if (it|no|not|worse))\b",
    re.IGNORECASE,
)
_FAHRENHEIT: Final = re.compile(r"\b(9[5-9]|10[0-9])(\.\d)?\s*(°\s*F|F\b|degrees F)|°\s*F", re.IGNORECASE)
_BARE_DEGREES: Final = re.compile(r"\b\d{2}([.,]\d)?\s*(degrees|°)(?!\s*C)", re.IGNORECASE)
_RISKY_UNIT: Final = re.compile(r"\b\d[\d.,]*\s*(cc|ug|mcg|\N{GREEK SMALL LETTER MU}g)\b", re.IGNORECASE)
# How a text may count what the fact counts in another unit.
_MISTAKEN: Final[Mapping[str, tuple[str, str]]] = {
    "age_months": ("months?", "years?|yrs?|weeks?|days?"),
    "duration_days": ("days?", "weeks?|months?|hours?|h|years?"),
}
_HOME: Final = (Level.PHARMACY_TREATMENT, Level.SELF_CARE)


def wording_faults(snapshot: Mapping[str, Any], knowledge: Knowledge) -> Iterator[Fault]:
    """Findings in the texts."""
    rules = {rule.id: rule for rule in knowledge.rules}
    for row in snapshot["guidelines"]:
        place = f"guidelines.{row['id']}"
        yield from _sources(row, place, Severity.BLOCKING)
        yield from _safety_net(row, place)
        yield from _units(row, rules[row["id"]], place)
        yield from _dark_skin(f"{place}.advice", row["title"], row["advice"])
    for row in snapshot["conditions"]:
        place = f"conditions.{row['id']}"
        yield from _sources(row, place, Severity.WARNING)
        for name in ("key_features", "red_flags", "self_care"):
            yield from _dark_skin(f"{place}.{name}", *row[name])
    for row in snapshot["profiles"]:
        yield from _sources(row, f"profiles.{row['id']}", Severity.WARNING)
    for row in snapshot["findings"]:
        yield from _dark_skin(f"findings.{row['id']}.help", row["name"], row["question"], row["help"])


def _sources(row: Row, place: str, severity: Severity) -> Iterator[Fault]:
    if not row["sources"]:
        yield Fault(f"{place}.sources", "It names no source.", "no_source", severity)


def _safety_net(row: Row, place: str) -> Iterator[Fault]:
    if _NET.search(row["advice"]):
        return
    home = Level(row["level"]) in _HOME
    yield Fault(
        f"{place}.advice",
        "It does not say when to come back or go somewhere at once"
        + (", though the patient goes home with it." if home else "."),
        "no_safety_net",
        Severity.WARNING,
    )


def _dark_skin(place: str, *texts: str) -> Iterator[Fault]:
    said = " ".join(texts)
    # Red eyes are red on everybody.
    of_skin = " ".join(part for part in _SENTENCE.split(". ".join(texts)) if not _EYES.search(part))
    found = _RED.search(of_skin)
    if found and not _DARK.search(said):
        yield Fault(
            place,
            f"It says {found.group(0)!r} but not how that looks on brown or black skin: darker, purple.",
            "dark_skin",
            Severity.WARNING,
        )


def _units(row: Row, rule: Rule, place: str) -> Iterator[Fault]:
    text = f"{row['title']}. {row['rationale']}. {row['advice']}"
    for wrong, message in (
        (_FAHRENHEIT, "Temperatures are in °C here."),
        (_BARE_DEGREES, "A temperature without its unit: write °C."),
        (_RISKY_UNIT, "Write micrograms or ml in full: this unit is misread."),
    ):
        found = wrong.search(text)
        if found:
            yield _unit(place, f"{found.group(0)!r}: {message}")
    if rule.level is not Level.SELF_CARE and math.isinf(hours(row["timeframe"])):
        yield _unit(
            f"{place}.timeframe", f"{row['timeframe']!r} names no time; as: now, same day, within 2 weeks."
        )
    for part_name, criteria in (("when", rule.when), ("unless", rule.unless)):
        if criteria is not None:
            yield from _mistaken(criteria, text, f"{place}.{part_name}")


def _mistaken(criteria: Criteria, text: str, place: str) -> Iterator[Fault]:
    """A limit that stands in the text with another unit than the fact is counted in."""
    for test in tests(criteria):
        if test.fact == "lesion_area_percent" and test.value is not None and 0 < test.value < 1:
            yield _unit(place, f"The area is in percent: {test.value:g} means {test.value:g} %.")
        if test.fact in _MISTAKEN and isinstance(test.value, int | float):
            yield from _other_unit(test, text, place)


def _other_unit(test: Test, text: str, place: str) -> Iterator[Fault]:
    own, others = _MISTAKEN[test.fact]
    number = f"{test.value:g}"
    found = re.search(rf"\b{re.escape(number)}[ -]?({others})\b", text, re.IGNORECASE)
    if found and not re.search(rf"\b{re.escape(number)}[ -]?({own})\b", text, re.IGNORECASE):
        counted = "months" if test.fact == "age_months" else "days"
        yield _unit(place, f"The text says {found.group(0)!r} but the rule tests for {number} {counted}.")


def _unit(place: str, message: str) -> Fault:
    return Fault(place, message, "units", Severity.WARNING)
