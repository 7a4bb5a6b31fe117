"""The export to phones says what the engine says, on any JSONLogic engine."""

from typing import Any

import pytest
from hypothesis import given, settings

from tests.campaigns import jsonlogic
from tests.services import node
from tests.triage.jsonlogic_subset import js_true, run
from tests.triage.strategies import criteria, facts
from triage import starter
from triage.engine import CriteriaError, Knowledge, from_jsonlogic, parse_criteria, to_jsonlogic


def test_every_starter_rule_comes_back_from_structured_criteria_word_for_word(
    snapshot: dict[str, Any],
) -> None:
    exported = {row["id"]: row["jsonlogic"] for row in snapshot["guidelines"]}
    assert exported == {item["id"]: item["jsonlogic"] for item in starter.read("triage")["items"]}


@given(criteria(), facts())
@settings(max_examples=200)
def test_an_exported_rule_is_true_exactly_when_the_engine_says_true(
    raw: dict[str, Any], known: dict[str, Any]
) -> None:
    parsed = parse_criteria(raw)
    assert js_true(run(to_jsonlogic(parsed), known)) is (parsed.evaluate(known) is True)


@given(facts())
def test_every_exported_starter_rule_agrees_with_the_engine(
    snapshot: dict[str, Any], knowledge: Knowledge, known: dict[str, Any]
) -> None:
    exported = {row["id"]: row["jsonlogic"] for row in snapshot["guidelines"]}
    for rule in knowledge.rules:
        assert js_true(run(exported[rule.id], known)) is rule.fires(known), rule.id


def test_every_exported_rule_agrees_with_the_engine_on_every_vignette(
    snapshot: dict[str, Any], knowledge: Knowledge
) -> None:
    exported = {row["id"]: row["jsonlogic"] for row in snapshot["guidelines"]}
    for vignette in snapshot["vignettes"]:
        for rule in knowledge.rules:
            assert js_true(run(exported[rule.id], vignette["facts"])) is rule.fires(vignette["facts"])


def test_a_null_guard_and_its_comparison_become_one_test() -> None:
    guarded = {"and": [{"!==": [{"var": "pain_score"}, None]}, {">=": [{"var": "pain_score"}, 7]}]}
    assert from_jsonlogic(guarded) == {"fact": "pain_score", "op": "gte", "value": 7}


def test_equal_to_null_asks_whether_the_fact_is_missing() -> None:
    assert from_jsonlogic({"==": [{"var": "condition"}, None]}) == {"fact": "condition", "op": "is_unknown"}


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ({"<": [{"var": "age_months"}, 3]}, "guarded"),
        ({"log": ["x"]}, "not understood"),
        ({"and": []}, "list of arguments"),
        ({"and": [{"==": [{"var": "fever"}, True]}, 5]}, "one operator"),
        ([], "one operator"),
        ({"==": [{"var": "fever"}, True], "!": []}, "one operator"),
    ],
)
def test_jsonlogic_that_engines_could_read_differently_is_refused(expression: Any, why: str) -> None:
    with pytest.raises(CriteriaError, match=why):
        from_jsonlogic(expression)


@pytest.mark.one_database
@pytest.mark.skipif(bool(node.missing()), reason=node.missing())
def test_json_logic_js_in_node_agrees_on_every_vignette_and_on_generated_patients(
    snapshot: dict[str, Any],
) -> None:
    """`make campaign NAME=jsonlogic` runs 10,000 patients."""
    conditions = [row["id"] for row in snapshot["conditions"]]
    facts = [row["facts"] for row in snapshot["vignettes"]] + list(jsonlogic.patients(400, conditions))
    found = jsonlogic.compare(facts, snapshot)
    assert found.disagreements == ()
    assert found.tried == len(facts) * 67
    assert found.fired > len(facts)
