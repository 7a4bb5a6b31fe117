"""Rules and reasons in words that need no code to be read."""

from typing import Any

import pytest

from triage.engine import parse_criteria
from triage.engine.vocabulary import FACTS
from triage.engine.words import describe, explain, quantity

NAMES = {"herpes-zoster": "Herpes zoster", "urticaria": "Urticaria"}


def test_a_rule_reads_as_an_indented_list() -> None:
    rule = parse_criteria(
        {
            "all": [
                {"fact": "condition", "op": "in", "value": ["herpes-zoster", "urticaria"]},
                {
                    "any": [
                        {"fact": "age_months", "op": "gte", "value": 600},
                        {"fact": "immunocompromised", "op": "eq", "value": True},
                    ]
                },
                {"not": {"fact": "duration_days", "op": "is_unknown"}},
            ]
        }
    )
    assert describe(rule, NAMES) == (
        "All of these:\n"
        "  Diagnosis is Herpes zoster or Urticaria\n"
        "  Any of these:\n"
        "    Age is 50 years or more\n"
        "    The immunity is weak\n"
        "  None of these:\n"
        "    duration is not known"
    )


@pytest.mark.parametrize(
    ("raw", "facts", "said"),
    [
        ({"fact": "fever", "op": "eq", "value": True}, {"fever": True}, "There is fever"),
        ({"fact": "fever", "op": "ne", "value": True}, {"fever": False}, "There is no fever"),
        (
            {"fact": "temperature_c", "op": "gte", "value": 38},
            {"temperature_c": 38.5},
            "Temperature is 38.5 °C (38 °C or more counts here)",
        ),
        (
            {"fact": "body_sites", "op": "contains_any", "value": ["eyelids", "periorbital"]},
            {"body_sites": ["back", "eyelids"]},
            "Body sites: eyelids",
        ),
        ({"fact": "severity", "op": "eq", "value": "mild"}, {"severity": "mild"}, "Severity: mild"),
        ({"fact": "condition", "op": "is_unknown"}, {}, "Diagnosis is not known"),
        ({"not": {"fact": "ulcer", "op": "eq", "value": True}}, {"ulcer": False}, "There is no open sore"),
    ],
)
def test_a_reason_states_the_fact(raw: dict[str, Any], facts: dict[str, Any], said: str) -> None:
    assert explain(parse_criteria(raw), facts, NAMES) == (said,)


def test_only_what_made_it_true_is_a_reason_and_nothing_twice() -> None:
    fever = {"fact": "fever", "op": "eq", "value": True}
    rule = parse_criteria(
        {"all": [{"any": [fever, {"fact": "pain_score", "op": "gte", "value": 7}]}, {"any": [fever]}]}
    )
    assert explain(rule, {"fever": True, "pain_score": 2}, NAMES) == ("There is fever",)


def test_ages_are_told_in_years_from_two_years_on() -> None:
    age = FACTS["age_months"]
    assert [quantity(age, months) for months in (1, 23, 24, 90)] == [
        "1 month", "23 months", "2 years", "7 years 6 months",
    ]  # fmt: skip
