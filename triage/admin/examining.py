"""What the rule builder asks the server: the words it may use, and what a rule says, lacks and answers.

The builder only arranges; every sentence and every answer comes from the engine, so that what a supervisor
sees while building is what a release will say and do.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from dermatech.core.errors import ValidationFailed
from triage.engine.criteria import (
    MAX_DEPTH,
    OPS_OF,
    All,
    AnyOf,
    Criteria,
    CriteriaError,
    Not,
    Test,
    parse_criteria,
)
from triage.engine.vocabulary import FACTS, Fact, FactValue
from triage.engine.words import Names, describe, explain, false_tests, say_true, word
from triage.facts import validate_facts
from triage.models import Condition, Finding, Guideline

PARTS = ("when", "unless", "fact_test")  # the fields that hold criteria


def vocabulary() -> dict[str, Any]:
    """Facts with their kinds, limits and operators, and the ids with their names."""
    return {
        "facts": [_fact(fact) for fact in FACTS.values()],
        "codes": {
            "condition": list(Condition.objects.order_by("name").values_list("code", "name")),
            "finding": list(Finding.objects.order_by("name").values_list("code", "name")),
            "rule": list(Guideline.objects.order_by("title").values_list("code", "title")),
        },
    }


def _fact(fact: Fact) -> dict[str, Any]:
    return {
        "name": fact.name,
        "kind": str(fact.kind),
        "label": fact.label[:1].upper() + fact.label[1:],
        "question": fact.question,
        "unit": fact.unit,
        "low": fact.low,
        "high": fact.high,
        "choices": [(value, word(fact, value, {})) for value in fact.choices],
        "yes": fact.yes,
        "no": fact.no,
        "ops": [str(op) for op in OPS_OF[fact.kind]],
    }


def examine(asked: Mapping[str, Any]) -> dict[str, Any]:
    """`asked`: `parts` (name -> raw criteria or None) and `facts`.

    Answers `words` (part -> lines), `errors` (each with its path), and, for a rule, `verdict`.
    """
    raw_parts = asked.get("parts")
    given = raw_parts if isinstance(raw_parts, Mapping) else {}
    parts = {name: given[name] for name in PARTS if given.get(name) is not None}
    names = dict(Condition.objects.values_list("code", "name"))
    errors = [fault for name, raw in parts.items() for fault in faults(raw, name, names)]
    readable = {name: _readable(raw, name, names) for name, raw in parts.items()}
    answer: dict[str, Any] = {
        "words": {name: words_of(part, names) for name, part in readable.items() if part is not None},
        "errors": [{"path": wrong.path, "message": wrong.message} for wrong in errors],
    }
    if "when" in parts:
        answer["verdict"] = _verdict(parts, asked.get("facts"), names) if not errors else None
    return answer


# --- What is wrong --------------------------------------------------------------------------------
def faults(raw: Any, path: str, conditions: Collection[str], depth: int = 1) -> list[CriteriaError]:
    """Everything that is wrong with raw criteria, each with its place; the engine's parser stops at one."""
    parts = list(_parts(raw, path)) if depth < MAX_DEPTH else []
    found = [fault for part, place in parts for fault in faults(part, place, conditions, depth + 1)]
    if found:
        return found
    try:
        parse_criteria(raw, path=path, conditions=conditions)
    except CriteriaError as wrong:
        return [wrong]
    return []


def _parts(raw: Any, path: str) -> Iterator[tuple[Any, str]]:
    """What a group holds, with places; nothing where it is no proper group."""
    if not isinstance(raw, Mapping) or "fact" in raw or len(raw) != 1:
        return
    key, inside = next(iter(raw.items()))
    if key == "not":
        yield inside, f"{path}.not"
    elif key in ("all", "any") and isinstance(inside, list):
        for number, part in enumerate(inside):
            yield part, f"{path}.{key}[{number}]"


def _readable(raw: Any, path: str, conditions: Collection[str], depth: int = 1) -> Criteria | None:
    """The criteria without the parts that cannot be read yet; None when nothing is left."""
    try:
        return parse_criteria(raw, path=path, conditions=conditions)
    except CriteriaError:
        if depth >= MAX_DEPTH:
            return None
    inside = [_readable(part, place, conditions, depth + 1) for part, place in _parts(raw, path)]
    kept = tuple(part for part in inside if part is not None)
    if not kept:
        return None
    if "not" in raw:
        return Not(kept[0])
    return All(kept) if "all" in raw else AnyOf(kept)


def words_of(criteria: Criteria, names: Names) -> list[dict[str, Any]]:
    """The engine's words, a line each: how far in, the words, whether it heads a group."""
    return [line_of(text) for text in describe(criteria, names).splitlines()]


def line_of(text: str) -> dict[str, Any]:
    """One line of `describe`, taken apart."""
    words = text.lstrip()
    return {
        "indent": (len(text) - len(words)) // 2,
        "text": words[:1].upper() + words[1:],
        "head": words.endswith(":"),
    }


# --- What it answers ------------------------------------------------------------------------------
def _verdict(parts: Mapping[str, Any], raw_facts: Any, names: Names) -> dict[str, Any]:
    try:
        facts = validate_facts(raw_facts or {}, field="", conditions=names)
    except ValidationFailed as failed:
        return {
            "state": "unreadable",
            "said": "Some facts cannot be read.",
            "fact_errors": {each.field: each.message for each in failed.errors},
        }
    when = parse_criteria(parts["when"], path="when")
    unless = parse_criteria(parts["unless"], path="unless") if "unless" in parts else None
    nodes = dict(_values(when, "when", facts))
    if unless is not None:
        nodes |= dict(_values(unless, "unless", facts))
    return {**judged(when, unless, facts, names), "nodes": nodes, "fact_errors": {}}


def judged(
    when: Criteria, unless: Criteria | None, facts: Mapping[str, FactValue], names: Names
) -> dict[str, Any]:
    """Whether a rule fires on `facts`, with the facts that decided and the ones that are missing."""
    value = when.evaluate(facts)
    excluded = unless.evaluate(facts) if unless is not None else False
    if excluded is True and unless is not None:
        return _said("silent", "Does not fire: it is excluded.", explain(unless, facts, names))
    if value is False:
        because = tuple(dict.fromkeys(say_true(test, facts, names) for test in false_tests(when, facts)))
        return _said("silent", "Does not fire.", because)
    if value is None:
        return _said("unknown", "Not known yet: a fact is missing.", (), unknown_tests(when, facts))
    doubts = unknown_tests(unless, facts) if unless is not None and excluded is None else []
    said = "Fires; what could exclude it is not known." if doubts else "Fires."
    return _said("fires", said, explain(when, facts, names), doubts)


def _said(
    state: str, said: str, because: tuple[str, ...], missing: list[Test] | None = None
) -> dict[str, Any]:
    asked = dict.fromkeys(test.fact for test in missing or ())
    return {
        "state": state,
        "said": said,
        "because": list(because),
        "missing": [{"fact": name, "question": FACTS[name].question} for name in asked],
    }


def unknown_tests(criteria: Criteria, facts: Mapping[str, FactValue]) -> list[Test]:
    """The comparisons that keep undecided criteria undecided."""
    if criteria.evaluate(facts) is not None:
        return []
    match criteria:
        case Test():
            return [criteria]
        case Not(part):
            return unknown_tests(part, facts)
        case All(parts) | AnyOf(parts):
            return [test for part in parts for test in unknown_tests(part, facts)]


def _values(
    criteria: Criteria, path: str, facts: Mapping[str, FactValue]
) -> Iterator[tuple[str, bool | None]]:
    """(path, answer) of every part, so that the builder can mark it."""
    yield path, criteria.evaluate(facts)
    match criteria:
        case Not(part):
            yield from _values(part, f"{path}.not", facts)
        case All(parts) | AnyOf(parts):
            key = "all" if isinstance(criteria, All) else "any"
            for number, part in enumerate(parts):
                yield from _values(part, f"{path}.{key}[{number}]", facts)
        case Test():
            return
