"""Facts and findings are read strictly: a wrong type is an error, a missing fact is unknown."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermatech.core.errors import ValidationFailed
from tests.triage.strategies import facts
from triage.engine import FACTS, Findings, Knowledge
from triage.facts import fact_from_text, validate_facts, validate_findings
from triage.starter import read


def test_the_vocabulary_is_the_one_the_content_names() -> None:
    meta = read("triage")["meta"]
    assert list(FACTS) == meta["facts"]
    assert list(FACTS["body_sites"].choices) == meta["body_sites"]
    assert list(FACTS["severity"].choices) == meta["severity"]


def test_every_fact_has_a_plain_question() -> None:
    assert all(len(fact.question) > 10 and fact.question[0].isupper() for fact in FACTS.values())


def test_null_and_an_empty_list_of_sites_are_unknown() -> None:
    assert validate_facts({"fever": None, "body_sites": [], "itch_score": 0}) == {"itch_score": 0}


def test_false_is_known() -> None:
    assert validate_facts({"fever": False}) == {"fever": False}


def test_a_whole_number_written_with_a_point_is_a_whole_number() -> None:
    assert validate_facts({"age_months": 84.0}) == {"age_months": 84}


@given(facts())
def test_every_sane_set_of_facts_is_accepted_unchanged(known: dict[str, Any]) -> None:
    assert validate_facts(known) == known


WRONG: list[tuple[str, Any, str]] = [
    ("fever", "yes", "invalid"),
    ("fever", 1, "invalid"),
    ("age_months", "84", "invalid"),
    ("age_months", True, "invalid"),
    ("age_months", 3.5, "invalid"),
    ("age_months", -1, "out_of_range"),
    ("age_months", 10**400, "out_of_range"),
    ("temperature_c", float("nan"), "not_finite"),
    ("temperature_c", float("inf"), "not_finite"),
    ("temperature_c", 98.6, "out_of_range"),
    ("pain_score", 11, "out_of_range"),
    ("condition_confidence", 50, "out_of_range"),
    ("lesion_area_percent", 101, "out_of_range"),
    ("sex", "F", "invalid_choice"),
    ("sex", ["female"], "invalid"),
    ("severity", True, "invalid"),
    ("body_sites", "face", "invalid"),
    ("body_sites", ["face", "moon"], "invalid_choice"),
    ("body_sites", [["face"]], "invalid"),
    ("body_sites", ["face"] * 100, "invalid"),
    ("condition", 7, "invalid"),
    ("condition", "unicorn", "unknown_condition"),
    ("fevr", True, "unknown_fact"),
]


@pytest.mark.parametrize(("name", "value", "code"), WRONG)
def test_a_wrong_fact_is_refused_by_name(name: str, value: Any, code: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        validate_facts({name: value, "itch_score": 4}, conditions={"scabies"})
    assert [(error.field, error.code) for error in refused.value.errors] == [(f"facts.{name}", code)]


def test_every_wrong_fact_is_named_at_once() -> None:
    with pytest.raises(ValidationFailed) as refused:
        validate_facts({"fever": "no", "pain_score": 99, "x" * 500: 1})
    assert [error.field for error in refused.value.errors] == [
        "facts.fever", "facts.pain_score", f"facts.{'x' * 40}",
    ]  # fmt: skip


@pytest.mark.parametrize("raw", [None, [], "fever", 7])
def test_facts_that_are_no_object_are_refused(raw: Any) -> None:
    with pytest.raises(ValidationFailed):
        validate_facts(raw)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from([*FACTS, "x"]), json_values, max_size=6))
def test_whatever_is_sent_is_accepted_or_refused_never_a_crash(raw: dict[str, Any]) -> None:
    try:
        known = validate_facts(raw)
    except ValidationFailed:
        return
    json.dumps(known, allow_nan=False)


@given(facts())
def test_a_form_field_reads_back_to_the_same_fact(known: dict[str, Any]) -> None:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in known.items()}
    assert validate_facts({name: fact_from_text(name, text) for name, text in texts.items()}) == known


def test_a_form_field_may_list_sites_with_commas_and_be_empty() -> None:
    assert fact_from_text("body_sites", "face, neck") == ["face", "neck"]
    assert fact_from_text("fever", "") is None
    assert fact_from_text("fever", "yes") == "yes"
    assert fact_from_text("nonsense", "1") == "1"


# --- Findings -----------------------------------------------------------------------------------
def test_findings_are_read_from_two_lists_or_from_one(knowledge: Knowledge) -> None:
    told = validate_findings({"present": ["itchy"], "absent": ["fever"]}, knowledge)
    assert told == Findings(frozenset({"itchy"}), frozenset({"fever"}))
    assert validate_findings(["itchy"], knowledge) == Findings(frozenset({"itchy"}))
    assert validate_findings(None, knowledge) == Findings()
    assert validate_findings({"present": None}, knowledge) == Findings()


@pytest.mark.parametrize(
    ("raw", "field", "code"),
    [
        ({"present": ["antlers"]}, "findings.present", "unknown_finding"),
        ({"absent": ["antlers"]}, "findings.absent", "unknown_finding"),
        ({"present": ["itchy"], "absent": ["itchy"]}, "findings.absent", "contradiction"),
        ({"present": ["hypopigmented", "depigmented"]}, "findings.present", "excluded_pair"),
        ({"present": "itchy"}, "findings.present", "invalid"),
        ({"present": [7]}, "findings.present", "invalid"),
        ({"present": ["itchy"] * 201}, "findings.present", "too_many"),
        ({"maybe": []}, "findings.maybe", "unknown_field"),
        ("itchy", "findings", "invalid"),
    ],
)
def test_wrong_findings_are_refused_by_place(knowledge: Knowledge, raw: Any, field: str, code: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        validate_findings(raw, knowledge)
    assert [(error.field, error.code) for error in refused.value.errors] == [(field, code)]
