"""Criteria and facts in plain words, for people who read no code."""

from collections.abc import Iterable, Mapping

from triage.engine.criteria import All, AnyOf, Criteria, Not, Op, Test
from triage.engine.vocabulary import FACTS, Fact, FactValue, Kind

Names = Mapping[str, str]  # condition id -> name

_LIMITS = {
    Op.GT: "more than {}",
    Op.GTE: "{} or more",
    Op.LT: "less than {}",
    Op.LTE: "{} or less",
    Op.EQ: "{}",
    Op.NE: "not {}",
}


def describe(criteria: Criteria, names: Names) -> str:
    """The criteria as an indented list, one line per part."""
    return "\n".join(_lines(criteria, names, indent=0))


def _lines(criteria: Criteria, names: Names, indent: int) -> list[str]:
    pad = "  " * indent
    match criteria:
        case Test():
            return [f"{pad}{describe_test(criteria, names)}"]
        case Not(part):
            head, parts = "None of these:", (part,)
        case All(parts):
            head = "All of these:"
        case AnyOf(parts):
            head = "Any of these:"
    return [f"{pad}{head}", *(line for part in parts for line in _lines(part, names, indent + 1))]


def describe_test(test: Test, names: Names) -> str:
    """One comparison as words, as `pain is 7 of 10 or more`."""
    fact = FACTS[test.fact]
    if test.op is Op.IS_UNKNOWN:
        return f"{_unknown_label(fact)} is not known"
    if fact.kind is Kind.BOOLEAN:
        return fact.yes if test.value is (test.op is Op.EQ) else fact.no
    if fact.numeric:
        return f"{_capital(fact.label)} is {_LIMITS[test.op].format(quantity(fact, test.value))}"
    values = test.value if isinstance(test.value, tuple) else (test.value,)
    words = join((word(fact, value, names) for value in values), "or")
    if fact.kind is Kind.CHOICES:
        return f"{_capital(fact.label)} include {words}"
    return f"{_capital(fact.label)} is {'not ' if test.op is Op.NE else ''}{words}"


def explain(criteria: Criteria, facts: Mapping[str, FactValue], names: Names) -> tuple[str, ...]:
    """Why `criteria` is true of `facts`: a sentence per comparison that made it true, none twice."""
    return tuple(dict.fromkeys(say_true(test, facts, names) for test in true_tests(criteria, facts)))


def true_tests(criteria: Criteria, facts: Mapping[str, FactValue]) -> list[Test]:
    """The comparisons that make `criteria` true. What lies below a `not` counts as it stands."""
    match criteria:
        case Test():
            return [criteria] if criteria.evaluate(facts) else []
        case Not(part):
            return false_tests(part, facts)
        case All(parts):
            return [test for part in parts for test in true_tests(part, facts)]
        case AnyOf(parts):
            return [test for part in parts if part.evaluate(facts) for test in true_tests(part, facts)]


def false_tests(criteria: Criteria, facts: Mapping[str, FactValue]) -> list[Test]:
    """The comparisons that make `criteria` false, mirrored from `true_tests`."""
    match criteria:
        case Test():
            return [criteria] if criteria.evaluate(facts) is False else []
        case Not(part):
            return true_tests(part, facts)
        case AnyOf(parts):
            return [test for part in parts for test in false_tests(part, facts)]
        case All(parts):
            return [
                test for part in parts if part.evaluate(facts) is False for test in false_tests(part, facts)
            ]


def say_true(test: Test, facts: Mapping[str, FactValue], names: Names) -> str:
    """A known fact as a sentence, with the limit it was held against."""
    fact = FACTS[test.fact]
    given = facts.get(test.fact)
    if given is None:
        return f"{_capital(_unknown_label(fact))} is not known"
    if not fact.numeric or test.op is Op.IS_UNKNOWN:
        return say(fact.name, _relevant(test, given), names)
    limit = _LIMITS[test.op].format(quantity(fact, test.value))
    said = say(fact.name, given, names)
    return said if test.op is Op.EQ else f"{said} ({limit} counts here)"


def _relevant(test: Test, given: FactValue) -> FactValue:
    """Of several body sites, those that the test asks for."""
    if not isinstance(given, list | tuple):
        return given
    wanted = test.value if isinstance(test.value, tuple) else (test.value,)
    return [site for site in given if site in wanted] or list(given)


def say(name: str, value: FactValue, names: Names) -> str:
    """A known fact as a sentence, as `Temperature is 38.5 °C`."""
    fact = FACTS[name]
    if isinstance(value, bool):
        return fact.yes if value else fact.no
    if isinstance(value, int | float):
        return f"{_capital(fact.label)} is {quantity(fact, value)}"
    values = value if isinstance(value, list | tuple) else [str(value)]
    words = join((word(fact, each, names) for each in values), "and")
    return f"{_capital(fact.label)}: {words}"


def quantity(fact: Fact, value: float) -> str:
    """A number with its unit; ages of two years and more in years."""
    if fact.name == "age_months" and value >= 24:
        years, months = divmod(int(value), 12)
        return f"{years} years" + (f" {months} months" if months else "")
    unit = fact.unit[:-1] if value == 1 and fact.unit in ("months", "days") else fact.unit
    return f"{value:g} {unit}".strip()


def word(fact: Fact, value: str, names: Names) -> str:
    """An id as a person says it."""
    if fact.kind is Kind.CONDITION:
        return names.get(value, value)
    return value.replace("_", " ")


def join(words: Iterable[str], last: str) -> str:
    """`a, b or c`."""
    parts = list(words)
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def _unknown_label(fact: Fact) -> str:
    return fact.label if fact.kind is not Kind.BOOLEAN else f"whether {fact.yes[0].lower()}{fact.yes[1:]}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
