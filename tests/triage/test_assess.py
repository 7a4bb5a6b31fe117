"""Triage: which rules fire, why, and what is still asked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.triage.strategies import CONDITIONS, facts
from triage.checks import judge_triage
from triage.engine import FACTS, Knowledge, Level, assess
from triage.engine.assessment import hours
from triage.engine.vocabulary import Kind
from triage.facts import validate_facts
from triage.starter import read

RED_FLAGS = (
    "difficulty_breathing", "skin_detachment", "facial_swelling", "mucosal_involvement", "spreading_rapidly",
    "lymph_nodes_swollen", "immunocompromised", "diabetes", "new_medicine_recently", "numb_patch",
    "changing_pigmented_lesion", "eye_involvement", "painless_nodule_or_plaque", "pregnant", "palms_or_soles",
    "fever", "travel_or_contact_mpox", "steroid_or_bleaching_use", "previous_treatment_failed", "blistering",
    "purulent", "ulcer",
)  # fmt: skip
VIGNETTES = read("triage_vignettes")["items"]
RULES = read("triage")["items"]
# A girl of seven with a ring on the trunk for two weeks; everything dangerous was asked and denied.
SAFE: dict[str, Any] = {name: False for name, fact in FACTS.items() if fact.kind is Kind.BOOLEAN} | {
    "age_months": 84, "sex": "female", "duration_days": 14, "body_sites": ["trunk"], "itch_score": 6,
    "pain_score": 0, "lesion_area_percent": 2, "temperature_c": 36.8, "severity": "mild",
    "condition": "tinea-corporis", "condition_confidence": 0.9,
}  # fmt: skip


@pytest.mark.parametrize("vignette", VIGNETTES, ids=[v["id"] for v in VIGNETTES])
def test_the_rules_answer_the_vignette_as_its_author_expects(
    knowledge: Knowledge, vignette: dict[str, Any]
) -> None:
    assert judge_triage(vignette, validate_facts(vignette["facts"]), knowledge) == []


@pytest.mark.parametrize("rule", RULES, ids=[r["id"] for r in RULES])
def test_a_rule_fires_on_its_own_case_and_not_on_its_counter_case(
    knowledge: Knowledge, rule: dict[str, Any]
) -> None:
    parsed = {each.id: each for each in knowledge.rules}[rule["id"]]
    assert parsed.fires(validate_facts(rule["test_cases"]["match"]))
    assert not parsed.fires(validate_facts(rule["test_cases"]["no_match"]))


def test_a_limited_ringworm_is_treated_in_the_pharmacy_and_nothing_is_open(knowledge: Knowledge) -> None:
    result = assess(SAFE, knowledge)
    assert result.level is Level.PHARMACY_TREATMENT
    assert not result.provisional
    assert result.ask == ()
    assert [fired.rule.id for fired in result.rules] == ["ph-superficial-fungal"]
    assert result.rules[0].because == (
        "Diagnosis: Tinea corporis",
        "Age is 7 years (3 months or more counts here)",
    )


def test_no_rule_means_refer_routine(knowledge: Knowledge) -> None:
    result = assess({}, knowledge)
    assert (result.level, result.rules) == (Level.REFER_ROUTINE, ())
    assert result.timeframe == "within 2 weeks"


def test_a_question_that_was_not_asked_makes_the_result_provisional(knowledge: Knowledge) -> None:
    open_question = {name: value for name, value in SAFE.items() if name != "difficulty_breathing"}
    result = assess(open_question, knowledge)
    assert result.level is Level.PHARMACY_TREATMENT
    assert result.provisional
    assert [ask.as_dict() for ask in result.ask] == [
        {
            "fact": "difficulty_breathing",
            "question": "Is breathing difficult, noisy or tight?",
            "could_raise_to": "emergency",
        }
    ]


def test_the_most_dangerous_question_comes_first(knowledge: Knowledge) -> None:
    ranks = [ask.could_raise_to.rank for ask in assess({}, knowledge).ask]
    assert ranks == sorted(ranks)
    assert assess({}, knowledge).ask[0].fact == "difficulty_breathing"


def test_nobody_asks_a_boy_whether_he_is_pregnant(knowledge: Knowledge) -> None:
    asked = {ask.fact for ask in assess({"sex": "male", "age_months": 300}, knowledge).ask}
    assert "pregnant" not in asked
    assert "pregnant" in {ask.fact for ask in assess({"sex": "female", "age_months": 300}, knowledge).ask}


def test_an_emergency_asks_nothing_more(knowledge: Knowledge) -> None:
    result = assess({"difficulty_breathing": True}, knowledge)
    assert (result.level, result.ask, result.provisional) == (Level.EMERGENCY, (), False)


def test_the_worst_of_the_possible_diagnoses_wins_and_the_answer_says_so(knowledge: Knowledge) -> None:
    known = {name: value for name, value in SAFE.items() if name != "condition"}
    result = assess(known, knowledge, plausible=["tinea-corporis", "cellulitis-erysipelas"])
    assert result.level is Level.REFER_URGENT
    assert [fired.rule.id for fired in result.rules] == ["ur-cellulitis"]
    assert "The diagnosis is not confirmed, and this holds if it is Cellulitis" in result.rules[0].because[0]


def test_an_unconfirmed_diagnosis_is_also_tried_as_not_named(knowledge: Knowledge) -> None:
    known = {name: value for name, value in SAFE.items() if name != "condition"}
    result = assess(known, knowledge, plausible=["tinea-corporis"])
    assert [fired.rule.id for fired in result.rules] == ["rr-no-named-condition"]
    assert "Diagnosis is not known" in result.rules[0].because


def test_confirming_the_diagnosis_settles_it(knowledge: Knowledge) -> None:
    known = {name: value for name, value in SAFE.items() if name != "condition"}
    confirmed = assess(known, knowledge, plausible=["cellulitis-erysipelas"], confirmed="tinea-corporis")
    assert confirmed == assess(SAFE, knowledge)


def test_a_suspicious_photo_raises_the_level_and_says_why(knowledge: Knowledge) -> None:
    result = assess(SAFE, knowledge, image_flag=True)
    assert result.level is Level.REFER_URGENT
    assert "The photo analysis flagged a suspicious lesion" in result.rules[0].because


def test_a_suspicious_photo_raises_even_where_no_rule_speaks_of_cancer(knowledge: Knowledge) -> None:
    from dataclasses import replace

    silent = replace(knowledge, rules=tuple(r for r in knowledge.rules if r.id != "ur-suspected-skin-cancer"))
    assert assess(SAFE, silent, image_flag=True).level is Level.REFER_URGENT


def test_a_suspicious_photo_takes_nothing_from_an_emergency(knowledge: Knowledge) -> None:
    urgent = {**SAFE, "difficulty_breathing": True}
    plain, flagged = assess(urgent, knowledge), assess(urgent, knowledge, image_flag=True)
    assert (plain.level, plain.rules) == (flagged.level, flagged.rules)


def test_every_body_that_must_be_notified_is_named_even_when_something_else_is_more_urgent(
    knowledge: Knowledge,
) -> None:
    result = assess({**SAFE, "difficulty_breathing": True, "travel_or_contact_mpox": True}, knowledge)
    assert result.level is Level.EMERGENCY
    assert result.notify == "mpox - district disease surveillance officer (same day)"


def test_the_soonest_time_frame_of_the_winning_rules_counts(knowledge: Knowledge) -> None:
    """The skin cancer rule leads by priority with two weeks, but the eye cannot wait so long."""
    result = assess({**SAFE, "changing_pigmented_lesion": True, "eye_involvement": True}, knowledge)
    assert result.rules[0].rule.timeframe == "appointment within 2 weeks"
    assert result.timeframe == "same day"


def test_time_frames_are_ordered_as_people_read_them() -> None:
    words = ["now", "same day", "within 24 h", "2-3 days", "within 1 week", "within 2 weeks", "self-care"]
    assert sorted(words, key=hours) == words


def test_the_triage_object_has_the_shape_of_the_contract(knowledge: Knowledge) -> None:
    shape = assess({"fever": True}, knowledge).as_dict()
    assert set(shape) == {
        "level", "timeframe", "provisional", "rules", "ask", "notify", "guidelines_release", "review_state",
    }  # fmt: skip
    assert set(shape["rules"][0]) == {"id", "title", "because", "advice"}
    assert set(shape["ask"][0]) == {"fact", "question", "could_raise_to"}
    assert (shape["guidelines_release"], shape["review_state"]) == ("1-test", "starter_unreviewed")


# --- Properties -----------------------------------------------------------------------------------
@given(facts(), st.sampled_from(RED_FLAGS))
def test_an_added_red_flag_never_lowers_the_level(
    knowledge: Knowledge, known: dict[str, Any], flag: str
) -> None:
    without = assess({**known, flag: False}, knowledge).level
    unknown = assess({name: value for name, value in known.items() if name != flag}, knowledge).level
    with_flag = assess({**known, flag: True}, knowledge).level
    assert with_flag.rank <= min(without.rank, unknown.rank)


@given(facts(), st.sampled_from([name for name, fact in FACTS.items() if fact.kind is Kind.BOOLEAN]))
def test_a_question_left_open_never_gives_a_lower_level_than_no(
    knowledge: Knowledge, known: dict[str, Any], name: str
) -> None:
    unknown = {other: value for other, value in known.items() if other != name}
    assert assess(unknown, knowledge).level.rank <= assess({**unknown, name: False}, knowledge).level.rank


@given(facts())
def test_null_is_the_same_as_left_out(knowledge: Knowledge, known: dict[str, Any]) -> None:
    nulls = {name: known.get(name) for name in FACTS}
    assert assess(nulls, knowledge) == assess(known, knowledge)


@given(facts(), facts())
def test_whatever_could_raise_the_level_was_asked(
    knowledge: Knowledge, known: dict[str, Any], answers: dict[str, Any]
) -> None:
    before = assess(known, knowledge)
    asked = {ask.fact: ask.could_raise_to for ask in before.ask}
    for name, value in answers.items():
        if name in known or not FACTS[name].askable(known):
            continue
        after = assess({**known, name: value}, knowledge).level
        if after.worse_than(before.level):
            assert before.provisional
            assert asked[name].rank <= after.rank


@given(facts(without=("condition",)), st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=4))
def test_the_worst_of_several_diagnoses_is_never_below_any_single_one(
    knowledge: Knowledge, known: dict[str, Any], plausible: list[str]
) -> None:
    worst = assess(known, knowledge, plausible=plausible).level
    for each in plausible:
        assert worst.rank <= assess(known, knowledge, confirmed=each).level.rank
    assert worst.rank <= assess(known, knowledge).level.rank


@given(facts(), st.lists(st.sampled_from(CONDITIONS), max_size=3))
def test_an_image_flag_may_only_raise(
    knowledge: Knowledge, known: dict[str, Any], plausible: list[str]
) -> None:
    plain = assess(known, knowledge, plausible=plausible).level
    assert assess(known, knowledge, plausible=plausible, image_flag=True).level.rank <= plain.rank


@given(facts(), st.permutations(CONDITIONS))
def test_the_order_of_facts_and_diagnoses_does_not_matter(
    knowledge: Knowledge, known: dict[str, Any], order: list[str]
) -> None:
    turned = dict(reversed(known.items()))
    one = assess(known, knowledge, plausible=CONDITIONS)
    other = assess(turned, knowledge, plausible=order)
    assert (one.level, one.ask) == (other.level, other.ask)
    assert [fired.rule.id for fired in one.fired] == [fired.rule.id for fired in other.fired]


@given(facts())
def test_every_rule_that_fired_says_why(knowledge: Knowledge, known: dict[str, Any]) -> None:
    for fired in assess(known, knowledge, plausible=CONDITIONS).fired:
        assert fired.because
        assert all(text and "_" not in text for text in fired.because)
