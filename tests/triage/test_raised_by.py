"""What was seen, as the rules see it."""

import pytest

from triage.engine import Findings, Knowledge, raised_by


@pytest.mark.parametrize(
    ("seen", "fact"),
    [
        ("fever", "fever"),
        ("skin_tender_peeling", "skin_detachment"),
        ("mucosal_erosions", "mucosal_involvement"),
        ("grouped_vesicles", "blistering"),  # implies blisters
    ],
)
def test_a_sign_that_was_seen_makes_its_fact_true(knowledge: Knowledge, seen: str, fact: str) -> None:
    told = Findings(present=frozenset({seen}))
    assert raised_by(told, {}, knowledge) == {fact: True}
    assert raised_by(told, {fact: False}, knowledge) == {fact: True}


def test_a_sign_that_was_not_seen_makes_nothing_false(knowledge: Knowledge) -> None:
    told = Findings(absent=frozenset({"fever", "mucosal_erosions"}))
    assert raised_by(told, {"ulcer": True}, knowledge) == {"ulcer": True}


def test_a_sign_that_answers_a_measured_fact_leaves_it_unknown(knowledge: Knowledge) -> None:
    assert raised_by(Findings(present=frozenset({"itchy", "finger_webs"})), {}, knowledge) == {}
