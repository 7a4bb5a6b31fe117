"""Criteria: what is read, what is refused and where, and how unknown facts count."""

import json
from typing import Any

import pytest
from hypothesis import given

from tests.triage.strategies import criteria, facts
from triage.engine import CriteriaError, parse_criteria
from triage.engine.criteria import to_dict

FEVER = {"fact": "fever", "op": "eq", "value": True}
YOUNG = {"fact": "age_months", "op": "lt", "value": 3}


def test_a_test_on_a_fact_nobody_gave_is_unknown() -> None:
    assert parse_criteria(FEVER).evaluate({}) is None
    assert parse_criteria(FEVER).evaluate({"fever": None}) is None


def test_one_false_part_settles_all_and_one_true_part_settles_any() -> None:
    both, either = parse_criteria({"all": [FEVER, YOUNG]}), parse_criteria({"any": [FEVER, YOUNG]})
    assert both.evaluate({"fever": False}) is False
    assert both.evaluate({"fever": True}) is None
    assert either.evaluate({"fever": True}) is True
    assert either.evaluate({"fever": False}) is None


def test_the_opposite_of_unknown_is_unknown() -> None:
    assert parse_criteria({"not": FEVER}).evaluate({}) is None
    assert parse_criteria({"not": FEVER}).evaluate({"fever": False}) is True


def test_asking_whether_a_fact_is_missing_is_never_unknown() -> None:
    missing = parse_criteria({"fact": "duration_days", "op": "is_unknown"})
    assert missing.evaluate({}) is True
    assert missing.evaluate({"duration_days": 0}) is False


def test_one_of_several_body_sites_is_enough() -> None:
    face = parse_criteria({"fact": "body_sites", "op": "contains_any", "value": ["eyelids", "periorbital"]})
    assert face.evaluate({"body_sites": ["back", "eyelids"]}) is True
    assert face.evaluate({"body_sites": ["back"]}) is False


@given(criteria())
def test_what_is_read_is_written_back_the_same(raw: dict[str, Any]) -> None:
    assert to_dict(parse_criteria(raw)) == raw


@given(criteria(), facts())
def test_learning_more_never_changes_a_settled_answer(raw: dict[str, Any], known: dict[str, Any]) -> None:
    """Unless a rule asks whether a fact is missing, which is what that question is for."""
    if "is_unknown" in json.dumps(raw):
        return
    parsed = parse_criteria(raw)
    for name in known:
        before = parsed.evaluate({other: value for other, value in known.items() if other != name})
        if before is not None:
            assert parsed.evaluate(known) is before


BROKEN: list[tuple[Any, str, str]] = [
    ({"fact": "fevr", "op": "eq", "value": True}, "when.fact", "no fact"),
    ({"fact": ["fever"], "op": "eq", "value": True}, "when.fact", "no fact"),
    ({"fact": "fever", "op": "gt", "value": 3}, "when.op", "takes: eq, ne, is_unknown"),
    ({"fact": "fever", "op": "eq", "value": "yes"}, "when.value", "true or false"),
    ({"fact": "fever", "op": "eq"}, "when.value", "missing"),
    ({"fact": "fever", "op": "eq", "value": True, "note": "x"}, "when", "note"),
    ({"fact": "fever", "op": "is_unknown", "value": True}, "when.value", "no value"),
    ({"fact": "pain_score", "op": "gte", "value": 11}, "when.value", "between 0 and 10"),
    ({"fact": "pain_score", "op": "gte", "value": True}, "when.value", "number"),
    ({"fact": "pain_score", "op": "gte", "value": float("nan")}, "when.value", "between"),
    ({"fact": "pain_score", "op": "gte", "value": 10**400}, "when.value", "between"),
    ({"fact": "severity", "op": "eq", "value": "awful"}, "when.value", "not a value of severity"),
    ({"fact": "condition", "op": "in", "value": ["scabies", "unicorn"]}, "when.value[1]", "no condition"),
    ({"fact": "condition", "op": "in", "value": []}, "when.value", "list"),
    ({"fact": "condition", "op": "in", "value": ["scabies", "scabies"]}, "when.value", "twice"),
    ({"fact": "body_sites", "op": "contains", "value": "moon"}, "when.value", "not a value"),
    ({"fact": "body_sites", "op": "eq", "value": ["face"]}, "when.op", "contains"),
    ({"all": []}, "when.all", "at least one"),
    ({"all": FEVER}, "when.all", "list"),
    ({"all": [FEVER], "any": [FEVER]}, "when", "one of"),
    ({"nor": [FEVER]}, "when", "not known here"),
    ({"any": [FEVER, {"all": [FEVER, 7]}]}, "when.any[1].all[1]", "object"),
    ([], "when", "object"),
    (None, "when", "object"),
    ("fever", "when", "object"),
    ({}, "when", "one of"),
]


@pytest.mark.parametrize(("raw", "place", "why"), BROKEN)
def test_a_broken_rule_is_refused_and_the_place_is_named(raw: Any, place: str, why: str) -> None:
    with pytest.raises(CriteriaError) as refused:
        parse_criteria(raw, path="when", conditions={"scabies"})
    assert refused.value.path == place
    assert why in refused.value.message
    assert len(refused.value.message) < 400


def test_a_rule_nested_a_thousand_deep_is_refused_without_a_crash() -> None:
    raw: Any = FEVER
    for _ in range(1000):
        raw = {"not": raw}
    with pytest.raises(CriteriaError, match="deeper"):
        parse_criteria(raw)


def test_a_rule_with_a_hundred_thousand_parts_is_refused() -> None:
    with pytest.raises(CriteriaError, match="parts"):
        parse_criteria({"any": [FEVER] * 100_000})
