"""Rules that can never fire, never decide, contradict or repeat each other, or leave ages out."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dermatech.core.releases import Fault, Severity
from triage.engine.criteria import All, AnyOf, Criteria, Not, Op, Test, tests
from triage.engine.knowledge import Knowledge, Rule
from triage.engine.levels import Level
from triage.engine.vocabulary import FACTS, Kind
from triage.engine.words import quantity
from triage.linter.solver import TRUE, Requirement, UndecidedError, find, fires, representatives, silent

_AGE: Final = FACTS["age_months"]


@dataclass(frozen=True, slots=True)
class _Alive:
    """A rule that can fire, and facts on which it does."""

    rule: Rule
    example: Mapping[str, Any]
    facts: frozenset[str]


def logical_faults(knowledge: Knowledge) -> Iterator[Fault]:
    """Findings that follow from the criteria alone."""
    conditions = sorted(knowledge.conditions)
    alive = []
    for rule in knowledge.rules:
        try:
            example = find(fires(rule.when, rule.unless), conditions=conditions)
        except UndecidedError:
            continue
        if example is None:
            yield _never_fires(rule, conditions)
        else:
            alive.append(_Alive(rule, example, _facts(rule)))
            yield from _dead_branches(rule, conditions)
    yield from _pairs(alive, conditions)
    yield from _age_gaps([each.rule for each in alive], knowledge)


# --- One rule ---------------------------------------------------------------------------------------
def _never_fires(rule: Rule, conditions: Sequence[str]) -> Fault:
    if rule.unless is not None and _possible([(rule.when, TRUE)], conditions):
        return Fault(
            f"guidelines.{rule.id}.unless",
            "The exclusion holds whenever the rule would fire, so it never does.",
            rule="unreachable",
        )
    return Fault(
        f"guidelines.{rule.id}.when",
        "No patient can fulfil this: its parts contradict each other.",
        "unreachable",
    )


def _dead_branches(rule: Rule, conditions: Sequence[str]) -> Iterator[Fault]:
    needed = fires(rule.when, rule.unless)
    for place, part in _alternatives(rule.when, f"guidelines.{rule.id}.when"):
        if not _possible([*needed, (part, TRUE)], conditions):
            yield Fault(
                place, "This branch can never be what makes the rule fire.", "dead_branch", Severity.WARNING
            )


def _alternatives(criteria: Criteria, place: str) -> Iterator[tuple[str, Criteria]]:
    """Every branch of every `any` outside a `not`, with its place."""
    match criteria:
        case All(parts):
            for i, part in enumerate(parts):
                yield from _alternatives(part, f"{place}.all[{i}]")
        case AnyOf(parts):
            for i, part in enumerate(parts):
                yield f"{place}.any[{i}]", part
                yield from _alternatives(part, f"{place}.any[{i}]")
        case Test() | Not():
            return


# --- Two rules --------------------------------------------------------------------------------------
def _pairs(rules: Sequence[_Alive], conditions: Sequence[str]) -> Iterator[Fault]:
    """`rules` are in order, worst first."""
    for i, worse in enumerate(rules):
        for milder in rules[i + 1 :]:
            if worse.facts & milder.facts:
                yield from _pair(worse, milder, conditions)
            elif _rank(worse.rule) == _rank(milder.rule):
                yield _same_rank(worse.rule, milder.rule)


def _pair(one: _Alive, other: _Alive, conditions: Sequence[str]) -> Iterator[Fault]:
    worse, milder = one.rule, other.rule
    covered = _implies(other, one, conditions)
    if covered and worse.level is not milder.level:
        if _implies(one, other, conditions):
            yield Fault(
                f"guidelines.{milder.id}.when",
                f"It fires for exactly the same patients as {worse.id!r} but says {milder.level} where that "
                f"says {worse.level}.",
                rule="contradictory",
            )
        else:
            yield Fault(
                f"guidelines.{milder.id}.when",
                f"It never decides: whenever it fires, {worse.id!r} does too and is more urgent.",
                "unreachable",
                Severity.WARNING,
            )
    elif worse.level is milder.level and (covered or _implies(one, other, conditions)):
        inner, outer = (milder, worse) if covered else (worse, milder)
        yield Fault(
            f"guidelines.{inner.id}.when",
            f"Whenever it fires, {outer.id!r} fires at the same level; the patient is told both.",
            "overlapping",
            Severity.WARNING,
        )
    elif _rank(worse) == _rank(milder) and _possible(
        [*fires(worse.when, worse.unless), *fires(milder.when, milder.unless)], conditions
    ):
        yield _same_rank(worse, milder)


def _rank(rule: Rule) -> tuple[Level, int]:
    return rule.level, rule.priority


def _same_rank(one: Rule, other: Rule) -> Fault:
    return Fault(
        f"guidelines.{other.id}.priority",
        f"It can fire together with {one.id!r}, which has the same level and priority: the alphabet says "
        "which of them leads.",
        "overlapping",
        Severity.WARNING,
    )


def _facts(rule: Rule) -> frozenset[str]:
    parts = [rule.when] if rule.unless is None else [rule.when, rule.unless]
    return frozenset(test.fact for part in parts for test in tests(part))


def _implies(one: _Alive, other: _Alive, conditions: Sequence[str]) -> bool:
    """Whether `other` fires whenever `one` does."""
    if not other.rule.fires(one.example):
        return False
    needed = fires(one.rule.when, one.rule.unless)
    ways = silent(other.rule.when, other.rule.unless)
    return not any(_possible([*needed, *way], conditions) for way in ways)


def _possible(requirements: list[Requirement], conditions: Collection[str], **fixed: Any) -> bool:
    """Whether there is such a patient; what cannot be decided is taken to be possible."""
    try:
        return find(requirements, fixed=fixed, conditions=conditions) is not None
    except UndecidedError:
        return True


# --- Ages -------------------------------------------------------------------------------------------
def _age_gaps(rules: Sequence[Rule], knowledge: Knowledge) -> Iterator[Fault]:
    """Ages at which no rule of a family can fire, though one can for the younger and for the older."""
    for name, family in _families(rules).items():
        ages = _ages(family)
        fixed = {"condition": name} if name in knowledge.conditions else {}
        covered = [
            any(
                _possible(
                    fires(rule.when, rule.unless), sorted(knowledge.conditions), age_months=age, **fixed
                )
                for rule in family
            )
            for age in ages
        ]
        if not any(covered):
            continue
        first, last = covered.index(True), len(covered) - 1 - covered[::-1].index(True)
        missing = [age for age, held in zip(ages, covered, strict=True) if not held]
        inside = [age for age in missing if ages[first] < age < ages[last]]
        if inside:
            named = knowledge.names.get(name, "the same facts")
            yield Fault(
                f"guidelines.{family[-1].id}.when",
                f"No rule about {named} covers the age of {quantity(_AGE, inside[0])}; rules do for the "
                f"younger and the older: {', '.join(rule.id for rule in family)}.",
                "age_gap",
                Severity.WARNING,
            )


def _families(rules: Sequence[Rule]) -> dict[str, list[Rule]]:
    """Rules that belong together and look at the age: those that name a condition, by the condition, and
    those that are the same but for the age, by what they share."""
    named: defaultdict[str, list[Rule]] = defaultdict(list)
    alike: defaultdict[str, list[Rule]] = defaultdict(list)
    for rule in rules:
        for id_ in _conditions(rule.when):
            named[id_].append(rule)
        others = [part for part in getattr(rule.when, "parts", ()) if not _of_age(part)]
        if isinstance(rule.when, All) and others and len(others) < len(rule.when.parts):
            alike[repr(sorted(map(repr, others)))].append(rule)
    families = {**named, **{key: family for key, family in alike.items() if len(family) > 1}}
    return {key: family for key, family in families.items() if any(_limits(rule) for rule in family)}


def _conditions(criteria: Criteria) -> set[str]:
    found: set[str] = set()
    for test in tests(criteria):
        if FACTS[test.fact].kind is Kind.CONDITION and test.op in (Op.EQ, Op.IN):
            found |= set(test.value if isinstance(test.value, tuple) else (test.value,))
    return found


def _of_age(criteria: Criteria) -> bool:
    return all(test.fact == _AGE.name for test in tests(criteria))


def _limits(rule: Rule) -> list[float]:
    parts = [rule.when] if rule.unless is None else [rule.when, rule.unless]
    return [
        test.value
        for part in parts
        for test in tests(part)
        if test.fact == _AGE.name and test.value is not None
    ]


def _ages(family: Sequence[Rule]) -> list[float]:
    return representatives(_AGE, [limit for rule in family for limit in _limits(rule)])
