"""What a careful reader finds in the rules before they are released."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings

from dermatech.core.releases import Severity
from tests.triage.strategies import criteria, facts
from triage.engine import parse_criteria
from triage.linter import lint, weakened_emergencies
from triage.linter.solver import NOT_TRUE, TRUE, UndecidedError, find

pytestmark = pytest.mark.one_database
FEVER = {"fact": "fever", "op": "eq", "value": True}
NO_FEVER = {"fact": "fever", "op": "eq", "value": False}
ITCHY = {"fact": "itch_score", "op": "gte", "value": 9}
MALE = {"fact": "sex", "op": "eq", "value": "male"}


def age(op: str, months: int) -> dict[str, Any]:
    return {"fact": "age_months", "op": op, "value": months}


def new_rule(**changes: Any) -> dict[str, Any]:
    """A rule that nothing is wrong with."""
    return {
        "id": "rr-new", "title": "New", "level": "refer_routine", "priority": 777,
        "timeframe": "within 2 weeks", "when": {"all": [ITCHY, MALE]}, "unless": None,
        "rationale": "Because.", "advice": "See a clinic within 2 weeks.", "notify": None,
        "sources": [{"id": "gstg2017"}], "test_cases": {"match": {}, "no_match": {}}, **changes,
    }  # fmt: skip


def found(snapshot: dict[str, Any], *rows: dict[str, Any]) -> set[tuple[str, str]]:
    """(rule, place) of what is new with these rows, beside the emergency rules."""
    emergencies = [row for row in snapshot["guidelines"] if row["level"] == "emergency"]
    few = {**snapshot, "guidelines": emergencies}
    before = {(fault.rule, fault.place) for fault in lint(few)}
    return {
        (fault.rule, fault.place) for fault in lint({**few, "guidelines": [*emergencies, *rows]})
    } - before


def test_a_good_rule_is_not_talked_about(snapshot: dict[str, Any]) -> None:
    assert found(snapshot, new_rule()) == set()


WHEN = "guidelines.rr-new.when"
ADVICE = "guidelines.rr-new.advice"


@pytest.mark.parametrize(
    ("changes", "rule", "place"),
    [
        ({"when": {"all": [FEVER, NO_FEVER]}}, "unreachable", WHEN),
        ({"when": {"all": [age("lt", 3), age("gte", 12)]}}, "unreachable", WHEN),
        ({"when": {"all": [FEVER, {"not": {"any": [FEVER, NO_FEVER]}}]}}, "unreachable", WHEN),
        ({"when": FEVER, "unless": FEVER}, "unreachable", "guidelines.rr-new.unless"),
        (
            {"when": {"all": [FEVER, {"any": [NO_FEVER, age("lt", 3)]}]}},
            "dead_branch",
            f"{WHEN}.all[1].any[0]",
        ),
        (
            {"level": "self_care", "when": {"fact": "difficulty_breathing", "op": "eq", "value": True}},
            "unreachable",
            WHEN,
        ),
        ({"advice": "Keep it dry."}, "no_safety_net", ADVICE),
        ({"sources": []}, "no_source", "guidelines.rr-new.sources"),
        ({"advice": "Come back if it turns red."}, "dark_skin", ADVICE),
        ({"advice": "See a clinic above 101 °F."}, "units", "guidelines.rr-new"),
        ({"advice": "See a clinic above 38 degrees."}, "units", "guidelines.rr-new"),
        ({"advice": "Take 50 mcg; see a clinic."}, "units", "guidelines.rr-new"),
        ({"timeframe": "soon"}, "units", "guidelines.rr-new.timeframe"),
        ({"when": age("lt", 18), "rationale": "Under 18 years."}, "units", WHEN),
        (
            {"when": {"fact": "duration_days", "op": "gt", "value": 6}, "rationale": "Over 6 weeks."},
            "units",
            WHEN,
        ),
        ({"when": {"fact": "lesion_area_percent", "op": "gt", "value": 0.3}}, "units", WHEN),
    ],
)
def test_each_finding_names_its_rule_and_place(
    snapshot: dict[str, Any], changes: dict[str, Any], rule: str, place: str
) -> None:
    assert (rule, place) in found(snapshot, new_rule(**changes))


def test_words_for_dark_skin_are_enough(snapshot: dict[str, Any]) -> None:
    said = "Come back if it turns red; on dark skin look for a purple shade."
    assert found(snapshot, new_rule(advice=said)) == set()
    assert found(snapshot, new_rule(advice="Come back if the eyes turn red.")) == set()


def test_two_rules_for_the_same_patients_with_another_level_contradict_each_other(
    snapshot: dict[str, Any],
) -> None:
    one = new_rule(when={"all": [ITCHY, MALE]})
    other = new_rule(id="ur-other", level="refer_urgent", timeframe="now", when={"all": [MALE, ITCHY]})
    assert ("contradictory", WHEN) in found(snapshot, one, other)


def test_two_rules_of_the_same_rank_that_fire_together_overlap(snapshot: dict[str, Any]) -> None:
    one = new_rule(when={"all": [FEVER, age("lt", 24)]})
    other = new_rule(id="rr-other", when={"all": [FEVER, age("gt", 12)]})
    assert ("overlapping", "guidelines.rr-other.priority") in found(snapshot, one, other)


def test_an_age_between_two_rules_that_neither_covers_is_a_gap(snapshot: dict[str, Any]) -> None:
    young = new_rule(when={"all": [FEVER, age("lt", 24)]})
    old = new_rule(id="rr-old", when={"all": [FEVER, age("gt", 24)]})
    assert ("age_gap", "guidelines.rr-old.when") in found(snapshot, young, old)
    closed = new_rule(id="rr-old", when={"all": [FEVER, age("gte", 24)]})
    assert not {rule for rule, _ in found(snapshot, young, closed)} & {"age_gap"}


def test_what_makes_a_rule_senseless_blocks_and_the_rest_warns(snapshot: dict[str, Any]) -> None:
    changed = copy.deepcopy(snapshot)
    changed["guidelines"].append(new_rule(when={"all": [FEVER, NO_FEVER]}, sources=[], advice="Keep it dry."))
    severity = {f.rule: f.severity for f in lint(changed) if f.place.startswith("guidelines.rr-new")}
    assert severity == {
        "unreachable": Severity.BLOCKING,
        "no_source": Severity.BLOCKING,
        "no_safety_net": Severity.WARNING,
    }
    assert all(fault.severity is Severity.WARNING for fault in lint(snapshot))


def test_nothing_is_weakened_where_nothing_changed(snapshot: dict[str, Any]) -> None:
    assert weakened_emergencies(snapshot, snapshot) == []


def test_an_emergency_rule_said_in_other_words_is_not_weakened(snapshot: dict[str, Any]) -> None:
    changed = copy.deepcopy(snapshot)
    for row in changed["guidelines"]:
        row["when"] = {"not": {"not": {"all": [row["when"]]}}}
    assert weakened_emergencies(snapshot, changed) == []


# --- The solver, against the engine ----------------------------------------------------------------
@given(criteria(), criteria())
@settings(max_examples=60)
def test_facts_that_were_found_do_what_was_asked(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = parse_criteria(one), parse_criteria(other)
    try:
        known = find([(first, TRUE), (second, NOT_TRUE)], conditions=("scabies", "measles", "warts"))
    except UndecidedError:
        return
    if known is not None:
        assert first.evaluate(known) is True
        assert second.evaluate(known) is not True


@given(criteria(), facts())
@settings(max_examples=60)
def test_where_nothing_was_found_there_is_nothing(raw: dict[str, Any], known: dict[str, Any]) -> None:
    parsed = parse_criteria(raw)
    for wanted, holds in (
        (TRUE, parsed.evaluate(known) is True),
        (NOT_TRUE, parsed.evaluate(known) is not True),
    ):
        try:
            if holds:
                assert find([(parsed, wanted)], conditions=("scabies", "unheard-of")) is not None
        except UndecidedError:
            continue
