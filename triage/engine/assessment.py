"""Triage: which rules fire, how urgent it is, and what is still worth asking."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triage.engine.criteria import All, AnyOf, Criteria, Not, Op, Test
from triage.engine.knowledge import Knowledge, Rule
from triage.engine.levels import DEFAULT_LEVEL, Level
from triage.engine.vocabulary import FACTS, FactValue
from triage.engine.words import explain, join

Facts = Mapping[str, FactValue]

# The condition an image flag stands for. The rules are tried for it beside all others.
IMAGE_FLAG_CONDITION = "suspected-skin-cancer"
# Where the published rules would let a flagged lesion pass, the flag itself raises to this.
IMAGE_FLAG_LEVEL = Level.REFER_URGENT
_IMAGE_FLAG_BECAUSE = "The photo analysis flagged a suspicious lesion"
_DEFAULT_TIMEFRAME = "within 2 weeks"


@dataclass(frozen=True, slots=True)
class FiredRule:
    """A rule that fired, with the facts that made it true in plain words."""

    rule: Rule
    because: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.rule.id,
            "title": self.rule.title,
            "because": list(self.because),
            "advice": self.rule.advice,
        }


@dataclass(frozen=True, slots=True)
class Ask:
    """A fact worth asking: the answer could raise the level to `could_raise_to`."""

    fact: str
    question: str
    could_raise_to: Level

    def as_dict(self) -> dict[str, Any]:
        return {"fact": self.fact, "question": self.question, "could_raise_to": str(self.could_raise_to)}


@dataclass(frozen=True, slots=True)
class TriageResult:
    """The answer. `rules` are those at the winning level; `fired` all of them, worst first."""

    level: Level
    timeframe: str
    provisional: bool
    rules: tuple[FiredRule, ...]
    fired: tuple[FiredRule, ...]
    ask: tuple[Ask, ...]
    notify: str | None
    release: str
    review_state: str

    def as_dict(self) -> dict[str, Any]:
        """The `triage` object of the API."""
        return {
            "level": str(self.level),
            "timeframe": self.timeframe,
            "provisional": self.provisional,
            "rules": [rule.as_dict() for rule in self.rules],
            "ask": [ask.as_dict() for ask in self.ask],
            "notify": self.notify,
            "guidelines_release": self.release,
            "review_state": self.review_state,
        }


@dataclass(frozen=True, slots=True)
class _Run:
    """The rules tried under one diagnosis; `condition` None is "not named"."""

    condition: str | None
    facts: Facts
    fired: tuple[Rule, ...]
    flagged: bool = False

    @property
    def level(self) -> Level:
        """Rules are in order, so the first is the worst."""
        return self.fired[0].level if self.fired else DEFAULT_LEVEL


def assess(
    facts: Facts,
    knowledge: Knowledge,
    *,
    plausible: Sequence[str] = (),
    confirmed: str | None = None,
    image_flag: bool = False,
) -> TriageResult:
    """How urgent it is, by every published rule.

    A confirmed diagnosis is `confirmed` or the fact `condition`. Without one the rules are tried with the
    diagnosis unknown and for each of `plausible`; the worst level wins. `image_flag` may only raise.
    """
    known = {name: value for name, value in facts.items() if value is not None and name != "condition"}
    stated = facts.get("condition")
    named = confirmed or (stated if isinstance(stated, str) else None)
    runs = _runs(known, knowledge, named, () if named else plausible)
    if image_flag:
        runs.append(_image_run(known, knowledge))
    level = min((run.level for run in runs), key=lambda each: each.rank)
    fired = tuple(_fired(runs, knowledge, confirmed=named is not None))
    winning = tuple(each for each in fired if each.rule.level is level)
    ask = _asks(runs, knowledge, level, narrowed=bool(plausible) or named is not None)
    return TriageResult(
        level=level,
        timeframe=_soonest(each.rule.timeframe for each in winning),
        provisional=bool(ask),
        rules=winning,
        fired=fired,
        ask=ask,
        notify="; ".join(dict.fromkeys(each.rule.notify for each in fired if each.rule.notify)) or None,
        release=knowledge.release,
        review_state=knowledge.review_state,
    )


def _runs(known: Facts, knowledge: Knowledge, named: str | None, plausible: Sequence[str]) -> list[_Run]:
    if named is not None:
        return [_run(known, knowledge, named)]
    first = _run(known, knowledge, None)
    return [first, *(_run(known, knowledge, each, like=first) for each in dict.fromkeys(plausible))]


def _run(known: Facts, knowledge: Knowledge, condition: str | None, like: _Run | None = None) -> _Run:
    """Try every rule; those that do not look at the condition answer as in the run `like`."""
    facts = {**known, "condition": condition} if condition else known
    if like is None:
        return _Run(condition, facts, tuple(rule for rule in knowledge.rules if rule.fires(facts)))
    before = {rule.id for rule in like.fired}
    fired = (
        rule for rule in knowledge.rules if (rule.fires(facts) if rule.uses_condition else rule.id in before)
    )
    return _Run(condition, facts, tuple(fired))


def _image_run(known: Facts, knowledge: Knowledge) -> _Run:
    run = _run(known, knowledge, IMAGE_FLAG_CONDITION)
    fired = run.fired
    if not fired or IMAGE_FLAG_LEVEL.worse_than(fired[0].level):
        fired = (_IMAGE_RULE, *fired)
    return _Run(run.condition, run.facts, fired, flagged=True)


_IMAGE_RULE = Rule(
    id="image-suspicious-lesion",
    title="The photo analysis flagged a suspicious lesion",
    level=IMAGE_FLAG_LEVEL,
    priority=0,
    timeframe=_DEFAULT_TIMEFRAME,
    when=Test("condition", Op.EQ, IMAGE_FLAG_CONDITION),
    unless=None,
    advice="A doctor must look at this lesion within 2 weeks. Do not cut, burn or treat it at home.",
    notify=None,
    uses_condition=True,
)


def _fired(runs: list[_Run], knowledge: Knowledge, *, confirmed: bool) -> Iterable[FiredRule]:
    """Every rule that fired in any run, worst first, with its reasons from the plainest run."""
    by_rule: dict[str, tuple[Rule, list[_Run]]] = {}
    for run in runs:
        for rule in run.fired:
            by_rule.setdefault(rule.id, (rule, []))[1].append(run)
    order = sorted(by_rule.values(), key=lambda pair: (pair[0].level.rank, pair[0].priority, pair[0].id))
    for rule, where in order:
        yield FiredRule(rule, _because(rule, where, knowledge, confirmed=confirmed))


def _because(rule: Rule, where: list[_Run], knowledge: Knowledge, *, confirmed: bool) -> tuple[str, ...]:
    first = where[0]
    if first.condition is None or (confirmed and not first.flagged):
        return explain(rule.when, first.facts, knowledge.names)
    reasons: list[str] = []
    if first.flagged:
        reasons.append(_IMAGE_FLAG_BECAUSE)
    else:
        possible = [knowledge.names.get(run.condition or "", run.condition or "") for run in where]
        reasons.append(f"The diagnosis is not confirmed, and this holds if it is {join(possible, 'or')}")
    for run in where:
        told = f"Diagnosis: {knowledge.names.get(run.condition or '', run.condition or '')}"
        reasons += [text for text in explain(rule.when, run.facts, knowledge.names) if text != told]
    return tuple(dict.fromkeys(reasons))


# --- What is still worth asking -----------------------------------------------------------------
def _asks(runs: list[_Run], knowledge: Knowledge, level: Level, *, narrowed: bool) -> tuple[Ask, ...]:
    """Facts whose answer could raise the level, most dangerous first, each once.

    `narrowed`: the diagnosis is confirmed or a list of plausible ones was given; then other diagnoses
    are not asked about.
    """
    found: dict[str, Level] = {}
    for rule in knowledge.rules:  # worst level first, then priority
        if not rule.level.worse_than(level):
            break
        # Without the diagnosis in it, a rule says the same in every run.
        for run in runs if rule.uses_condition else runs[:1]:
            for fact in _raising_facts(rule, run, narrowed=narrowed):
                if FACTS[fact].askable(run.facts):
                    found.setdefault(fact, rule.level)
    order = sorted(found.items(), key=lambda pair: (pair[1].rank, pair[0] == "condition"))
    return tuple(Ask(fact, FACTS[fact].question, raised) for fact, raised in order)


def _raising_facts(rule: Rule, run: _Run, *, narrowed: bool) -> list[str]:
    """The missing facts that could still make the rule fire in this run."""
    if rule.excluded(run.facts):
        return []
    value, missing = _open(rule.when, run.facts)
    facts = missing if value is None else []
    diagnosis_open = run.condition is None and not narrowed and rule.uses_condition
    if diagnosis_open and rule.when.evaluate(run.facts) is None:
        return [*facts, "condition"]  # naming the diagnosis could make it fire
    return facts


def _open(criteria: Criteria, facts: Facts) -> tuple[bool | None, list[str]]:
    """Three-valued answer and the missing facts it hangs on, where an unnamed diagnosis counts as none of
    the named ones: a question is worth asking only if its answer matters without naming one."""
    match criteria:
        case Test(fact, _, _):
            value = criteria.evaluate(facts)
            if value is not None:
                return value, []
            return (False, []) if fact == "condition" else (None, [fact])
        case Not(part):
            value, missing = _open(part, facts)
            return (None if value is None else not value), missing
        case All(parts) | AnyOf(parts):
            deciding = isinstance(criteria, AnyOf)
            open_: list[str] = []
            for part in parts:
                value, names = _open(part, facts)
                if value is deciding:
                    return deciding, []
                open_ += names
            return (None if open_ else not deciding), list(dict.fromkeys(open_))


# --- When ---------------------------------------------------------------------------------------
_UNIT_HOURS = {"h": 1, "hour": 1, "day": 24, "week": 168, "month": 720}


def _soonest(timeframes: Iterable[str]) -> str:
    """The most pressing of several time frames, as its rule words it."""
    return min(timeframes, key=hours, default=_DEFAULT_TIMEFRAME)


def hours(timeframe: str) -> float:
    """A time frame's first limit in hours, for ordering: `now` 0, `same day` 12, `2-3 days` 48."""
    text = timeframe.lower()
    if text.startswith("now"):
        return 0
    if text.startswith("same day"):
        return 12
    found = re.search(r"(\d+)(?:\s*-\s*\d+)?\s*(h|hour|day|week|month)", text)
    return int(found.group(1)) * _UNIT_HOURS[found.group(2)] if found else float("inf")
