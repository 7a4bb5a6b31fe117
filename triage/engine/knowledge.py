"""What the profession knows, as the engines use it: frozen, indexed, parsed from a release's snapshot."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from triage.engine.criteria import Criteria, parse_criteria, tests
from triage.engine.levels import Level
from triage.engine.vocabulary import FactValue

OTHER = "_other"  # the explicit "none of these"
AGE_BANDS: Mapping[str, tuple[int, float]] = {  # months: from inclusive, to exclusive
    "infant": (0, 24),
    "child": (24, 144),
    "adolescent": (144, 216),
    "adult": (216, 720),
    "older": (720, math.inf),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One guideline rule: it fires when `when` is true and `unless` is not true."""

    id: str
    title: str
    level: Level
    priority: int
    timeframe: str
    when: Criteria
    unless: Criteria | None
    advice: str
    notify: str | None
    uses_condition: bool

    def fires(self, facts: Mapping[str, FactValue]) -> bool:
        return self.when.evaluate(facts) is True and not self.excluded(facts)

    def excluded(self, facts: Mapping[str, FactValue]) -> bool:
        """Whether the exclusion is known to hold; an unknown one does not exclude."""
        return self.unless is not None and self.unless.evaluate(facts) is True


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition's name and company. `serious`: listed as possible at a lower probability."""

    id: str
    name: str
    icd10: str
    look_alikes: tuple[str, ...]
    serious: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look or ask for. `implies` is transitive, `excludes` symmetric; ages in months."""

    id: str
    name: str
    question: str
    help: str
    cluster: str
    background: str
    excludes: frozenset[str]
    implies: frozenset[str]
    asked: bool
    ask_age_min: int | None = None
    ask_age_max: int | None = None
    fact: str | None = None
    fact_test: Criteria | None = None

    def ask_at(self, age_months: FactValue) -> bool:
        """Whether it may be asked at this age; an unknown age keeps age-bound questions quiet."""
        if not self.asked:
            return False
        if self.ask_age_min is None and self.ask_age_max is None:
            return True
        if not isinstance(age_months, int | float):
            return False
        return (
            (self.ask_age_min or 0)
            <= age_months
            <= (math.inf if self.ask_age_max is None else self.ask_age_max)
        )


@dataclass(frozen=True, slots=True)
class Profile:
    """A row of the matrix: prior frequency by age band, and how often each finding occurs (words)."""

    condition: str
    priors: Mapping[str, float]
    words: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SafetyQuestion:
    """When all of `if_present` and `if_absent` hold, `ask` comes before any cleverer question."""

    if_present: frozenset[str]
    if_absent: frozenset[str]
    ask: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scoring:
    """Numbers of the differential, all curated; from `triage/data/condition_findings.json`."""

    frequencies: Mapping[str, float]
    rho: float
    site_rho: float
    answer_reliability: float
    reliability_floor: float
    likely: float
    possible: float
    possible_if_serious: float
    abstain_below: float
    abstain_min_answers: int
    other_priors: Mapping[str, float]
    # Below 1 where nobody looked and answers were typed by the patient alone: they lean on each other.
    temper: float = 1.0


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Everything published, ready for use. `release` and `review_state` say where it came from; whoever
    parses a snapshot adds them with `of_release`."""

    release: str
    review_state: str
    rules: tuple[Rule, ...]  # worst level first, then priority
    conditions: Mapping[str, Condition]
    findings: Mapping[str, Finding]
    profiles: Mapping[str, Profile]
    safety_questions: tuple[SafetyQuestion, ...]
    scoring: Scoring
    names: Mapping[str, str] = field(default_factory=dict)  # condition id -> name
    # finding id -> P(present) per hypothesis, in the order of `hypotheses`, fallibility included
    likelihoods: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    hypotheses: tuple[str, ...] = ()  # conditions with a profile, then OTHER

    def of_release(self, release: str, review_state: str) -> "Knowledge":
        """The same knowledge, bearing the name of the release that holds it."""
        return replace(self, release=release, review_state=review_state)


def parse_knowledge(snapshot: Mapping[str, Any]) -> Knowledge:
    """Knowledge of a release's snapshot. Raises KeyError, ValueError on a snapshot that is none."""
    conditions = {row["id"]: _condition(row) for row in snapshot["conditions"]}
    findings = _findings(snapshot["findings"])
    profiles = {row["condition"]: _profile(row) for row in snapshot["profiles"]}
    scoring = Scoring(**snapshot["scoring"])
    rules = sorted(
        (_rule(row) for row in snapshot["guidelines"]),
        key=lambda rule: (rule.level.rank, rule.priority, rule.id),
    )
    return Knowledge(
        release="",
        review_state="",
        rules=tuple(rules),
        conditions=conditions,
        findings=findings,
        profiles=profiles,
        safety_questions=tuple(_safety_question(row) for row in snapshot["safety_questions"]),
        scoring=scoring,
        names={id_: condition.name for id_, condition in conditions.items()},
        likelihoods=likelihood_table(findings, profiles, scoring),
        hypotheses=(*profiles, OTHER),
    )


def _rule(row: Mapping[str, Any]) -> Rule:
    when = parse_criteria(row["when"], path=f"{row['id']}.when")
    unless = parse_criteria(row["unless"], path=f"{row['id']}.unless") if row["unless"] else None
    used = {test.fact for part in (when, unless) if part is not None for test in tests(part)}
    return Rule(
        id=row["id"],
        title=row["title"],
        level=Level(row["level"]),
        priority=row["priority"],
        timeframe=row["timeframe"],
        when=when,
        unless=unless,
        advice=row["advice"],
        notify=row["notify"] or None,
        uses_condition="condition" in used,
    )


def _condition(row: Mapping[str, Any]) -> Condition:
    return Condition(row["id"], row["name"], row["icd10"], tuple(row["look_alikes"]), row["serious"])


def _profile(row: Mapping[str, Any]) -> Profile:
    return Profile(row["condition"], dict(row["priors"]), dict(row["findings"]))


def _safety_question(row: Mapping[str, Any]) -> SafetyQuestion:
    return SafetyQuestion(frozenset(row["if_present"]), frozenset(row["if_absent"]), tuple(row["ask"]))


def _findings(rows: list[Mapping[str, Any]]) -> dict[str, Finding]:
    """Findings with `implies` closed over itself and `excludes` made symmetric."""
    direct = {row["id"]: frozenset(row["implies"]) for row in rows}
    excludes: dict[str, set[str]] = {row["id"]: set(row["excludes"]) for row in rows}
    for row in rows:
        for other in row["excludes"]:
            excludes[other].add(row["id"])
    return {
        row["id"]: Finding(
            id=row["id"],
            name=row["name"],
            question=row["question"],
            help=row["help"],
            cluster=row["cluster"],
            background=row["background"],
            excludes=frozenset(excludes[row["id"]]),
            implies=_closure(row["id"], direct),
            asked=row["ask"],
            ask_age_min=row["ask_age_min"],
            ask_age_max=row["ask_age_max"],
            fact=row["fact"] or None,
            fact_test=parse_criteria(row["fact_test"], path=f"{row['id']}.fact_test")
            if row["fact_test"]
            else None,
        )
        for row in rows
    }


def _closure(start: str, direct: Mapping[str, frozenset[str]]) -> frozenset[str]:
    seen: set[str] = set()
    todo = list(direct[start])
    while todo:
        each = todo.pop()
        if each not in seen:
            seen.add(each)
            todo.extend(direct[each])
    return frozenset(seen - {start})


def likelihood_table(
    findings: Mapping[str, Finding], profiles: Mapping[str, Profile], scoring: Scoring
) -> dict[str, tuple[float, ...]]:
    """P(present | hypothesis) with r x P + (1 - r) x max(P(background), floor): one mistaken answer
    must not exclude a condition."""
    r, words = scoring.answer_reliability, scoring.frequencies
    table = {}
    for finding in findings.values():
        background = words[finding.background]
        slack = (1 - r) * max(background, scoring.reliability_floor)
        column = [words[p.words.get(finding.id, finding.background)] for p in profiles.values()]
        table[finding.id] = tuple(r * p + slack for p in (*column, background))
    return table
