"""The differential: the content's own cases, its stated scoring, and what must hold for all answers."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.checks import judge_differential
from triage.engine import (
    Band,
    ContradictoryFindings,
    Differential,
    Findings,
    ImageEvidence,
    Knowledge,
    differential,
    parse_knowledge,
)
from triage.starter import read, vignettes

CASES = [row for row in vignettes() if row["kind"] == "differential"]
IDS = sorted(item["id"] for item in read("findings")["items"])
CONDITIONS = sorted(item["condition"] for item in read("condition_findings")["items"])
RING = Findings(
    frozenset({"ring_shaped", "central_clearing", "scaly_edge", "itchy"}), frozenset({"numb_patch"})
)
CHILD = {"age_months": 108}
# What `meta.final_run` of the cases reports.
FINAL_RUN = {
    "top1": 54, "top3": 55, "answerable": 55, "missed": 0, "abstained_rightly": 15, "abstained_wrongly": 4,
}  # fmt: skip


def answer(case: dict[str, Any], knowledge: Knowledge) -> Differential:
    findings = Findings(frozenset(case["findings_present"]), frozenset(case["findings_absent"]))
    return differential(findings, case["facts"], None, knowledge)


@pytest.fixture(scope="module")
def plain(snapshot: dict[str, Any]) -> Knowledge:
    """The knowledge with answers trusted blindly, as in the final run that the content reports."""
    scoring = {**snapshot["scoring"], "answer_reliability": 1.0}
    return parse_knowledge({**snapshot, "scoring": scoring})


def score(knowledge: Knowledge) -> dict[str, int]:
    result = dict.fromkeys(
        ("top1", "top3", "answerable", "missed", "abstained_rightly", "abstained_wrongly"), 0
    )
    for case in CASES:
        found = answer(case, knowledge)
        ranking = [each.condition for each in found.ranked]
        bands = {each.condition: each.band for each in found.ranked}
        result["missed"] += sum(bands[each] is Band.UNLIKELY for each in case["must_not_miss"])
        if case["expected_first"]:
            result["answerable"] += 1
            result["top1"] += ranking[0] == case["expected_first"]
            result["top3"] += case["expected_first"] in ranking[:3]
            result["abstained_wrongly"] += found.abstained
        else:
            result["abstained_rightly"] += found.abstained
    return result


def test_the_cases_come_out_exactly_as_in_the_content_s_own_final_run(plain: Knowledge) -> None:
    assert score(plain) == FINAL_RUN


def test_with_fallible_answers_two_more_cases_abstain_and_none_is_lost(knowledge: Knowledge) -> None:
    assert score(knowledge) == FINAL_RUN | {"abstained_wrongly": 6}


@pytest.mark.parametrize("case", CASES, ids=[case["code"] for case in CASES])
def test_each_case_agrees_unless_its_shortfall_is_written_down(
    knowledge: Knowledge, case: dict[str, Any]
) -> None:
    disagreements = judge_differential(case, case["facts"], knowledge)
    assert bool(disagreements) is bool(case["known_shortfall"]), disagreements


# --- The stated scoring, by hand ------------------------------------------------------------------
def test_the_score_is_the_stated_formula(plain: Knowledge) -> None:
    """One finding, one age band: posterior = prior x P(present), normalised with "none of these"."""
    found = differential(Findings(frozenset({"burrows"})), {"age_months": 400}, None, plain)
    words, scoring = plain.scoring.frequencies, plain.scoring
    weights = {
        id_: profile.priors["adult"] * words[profile.words.get("burrows", "never")]
        for id_, profile in plain.profiles.items()
    }
    weights["_other"] = scoring.other_priors["adult"] * words["never"]
    total = sum(weights.values())
    assert found.probabilities == pytest.approx({id_: weight / total for id_, weight in weights.items()})


def test_findings_of_one_cluster_share_their_evidence(plain: Knowledge) -> None:
    """Two of the ring cluster: each counts 1 / (1 + 0.5)."""
    found = differential(Findings(frozenset({"ring_shaped", "scaly_edge"})), CHILD, None, plain)
    tinea = next(each for each in found.ranked if each.condition == "tinea-corporis")
    weights = [each.weight for each in tinea.evidence if each.source == "findings"]
    assert weights == pytest.approx([math.log(0.75 / 0.10) / 1.5] * 2)


def test_body_sites_are_tempered_less(plain: Knowledge) -> None:
    alone = differential(Findings(frozenset({"on_scalp"})), CHILD, None, plain)
    two = differential(Findings(frozenset({"on_scalp"}), frozenset({"on_feet"})), CHILD, None, plain)

    def weight(found: Differential) -> float:
        capitis = next(each for each in found.ranked if each.condition == "tinea-capitis")
        return next(each.weight for each in capitis.evidence if each.text.startswith("On scalp"))

    assert weight(two) == pytest.approx(weight(alone) / 1.25)


def test_one_mistaken_answer_excludes_nothing(knowledge: Knowledge) -> None:
    """P = 0.95 x 0.01 + 0.05 x 0.10 for what never happens."""
    index = knowledge.hypotheses.index("tinea-corporis")
    assert knowledge.likelihoods["numb_patch"][index] == pytest.approx(0.95 * 0.01 + 0.05 * 0.10)


def test_a_present_finding_that_another_implies_is_not_counted_twice(knowledge: Knowledge) -> None:
    one = differential(Findings(frozenset({"night_itch"})), CHILD, None, knowledge)
    both = differential(Findings(frozenset({"night_itch", "itchy"})), CHILD, None, knowledge)
    assert one.probabilities == both.probabilities


def test_an_absent_finding_that_a_present_one_excludes_is_not_counted(knowledge: Knowledge) -> None:
    one = differential(Findings(frozenset({"hypopigmented"})), CHILD, None, knowledge)
    both = differential(
        Findings(frozenset({"hypopigmented"}), frozenset({"depigmented"})), CHILD, None, knowledge
    )
    assert one.probabilities == both.probabilities


def test_an_absent_finding_that_implies_another_absent_one_is_not_counted(knowledge: Knowledge) -> None:
    one = differential(Findings(absent=frozenset({"itchy"})), CHILD, None, knowledge)
    both = differential(Findings(absent=frozenset({"itchy", "night_itch"})), CHILD, None, knowledge)
    assert one.probabilities == both.probabilities


# --- Facts answer findings -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("facts", "present", "absent"),
    [
        ({"itch_score": 3}, {"itchy"}, set()),
        ({"itch_score": 2}, set(), {"itchy"}),
        ({"duration_days": 3}, {"under_1_week"}, {"over_6_weeks"}),
        ({"duration_days": 42}, {"over_6_weeks"}, {"under_1_week"}),
        ({"fever": False}, set(), {"fever"}),
        ({"changing_pigmented_lesion": True}, {"changing_mole"}, set()),
        ({"fever": None}, set(), set()),
    ],
)
def test_a_known_fact_answers_its_finding(
    knowledge: Knowledge, facts: dict[str, Any], present: set[str], absent: set[str]
) -> None:
    by_fact = differential(Findings(), {**CHILD, **facts}, None, knowledge)
    by_finding = differential(Findings(frozenset(present), frozenset(absent)), CHILD, None, knowledge)
    assert by_fact.probabilities == by_finding.probabilities


def test_body_sites_answer_every_site_at_once(knowledge: Knowledge) -> None:
    by_fact = differential(Findings(), {**CHILD, "body_sites": ["scalp"]}, None, knowledge)
    sites = {id_ for id_, finding in knowledge.findings.items() if finding.fact == "body_sites"}
    told = Findings(frozenset({"on_scalp"}), frozenset(sites - {"on_scalp"}))
    assert by_fact.probabilities == differential(told, CHILD, None, knowledge).probabilities


def test_a_fact_stands_against_a_finding_that_it_excludes(knowledge: Knowledge) -> None:
    found = differential(
        Findings(frozenset({"no_visible_abnormality"})), {**CHILD, "blistering": True}, None, knowledge
    )
    assert (
        found.probabilities
        == differential(Findings(frozenset({"blisters"})), CHILD, None, knowledge).probabilities
    )


# --- What is shown --------------------------------------------------------------------------------
def test_each_condition_shows_what_moved_it_heaviest_first(knowledge: Knowledge) -> None:
    first = differential(RING, CHILD, None, knowledge).conditions[0]
    assert first.condition == "tinea-corporis"
    assert [abs(e.weight) for e in first.evidence] == sorted(
        (abs(e.weight) for e in first.evidence), reverse=True
    )
    texts = [each.text for each in first.evidence]
    assert "Ring shaped: present (often seen in this condition, rarely otherwise)" in texts
    assert first.look_alikes[0] == "pityriasis-rosea"


def test_the_differential_has_the_shape_of_the_contract(knowledge: Knowledge) -> None:
    shape = differential(RING, CHILD, None, knowledge).as_dict()
    assert set(shape) == {"conditions", "abstained", "abstain_reason", "next_question"}
    assert set(shape["conditions"][0]) == {
        "condition", "name", "icd10", "probability", "band", "evidence", "look_alikes",
    }  # fmt: skip
    assert set(shape["conditions"][0]["evidence"][0]) == {"source", "text", "weight"}


def test_a_serious_condition_stays_possible_at_two_per_cent(knowledge: Knowledge) -> None:
    seen = Findings(frozenset({"hypopigmented", "fine_branny_scale"}), frozenset({"itchy"}))
    found = differential(seen, CHILD, None, knowledge)
    for each in found.ranked:
        if each.serious and 0.02 <= each.probability < 0.05:
            assert each.band is Band.POSSIBLE
            assert each in found.conditions


def test_it_says_why_it_abstains_and_calls_nothing_likely(knowledge: Knowledge) -> None:
    found = differential(Findings(frozenset({"burrows"})), {"age_months": 400}, None, knowledge)
    assert found.abstained
    assert found.abstain_reason == "Fewer than 3 findings are answered; no condition stands out."
    assert all(each.band is not Band.LIKELY for each in found.ranked)


def test_with_nothing_answered_every_reason_is_given(knowledge: Knowledge) -> None:
    found = differential(Findings(), {}, None, knowledge)
    assert found.abstained
    assert found.abstain_reason is not None
    assert "nothing seen so far is specific" in found.abstain_reason


def test_plausible_conditions_are_the_likely_and_the_possible(knowledge: Knowledge) -> None:
    found = differential(RING, CHILD, None, knowledge)
    assert found.plausible == tuple(e.condition for e in found.ranked if e.band is not Band.UNLIKELY)


# --- Image evidence ---------------------------------------------------------------------------------
def test_image_evidence_enters_beside_the_findings_and_is_shown(knowledge: Knowledge) -> None:
    image = ImageEvidence({"tinea-corporis": 3.0}, "ringworm")
    with_image = differential(RING, CHILD, image, knowledge)
    without = differential(RING, CHILD, None, knowledge)
    assert with_image.probabilities["tinea-corporis"] > without.probabilities["tinea-corporis"]
    shown = [each for each in with_image.conditions[0].evidence if each.source == "image"]
    assert shown[0].text == "The image model says 'ringworm', which speaks for this condition"
    assert shown[0].weight == pytest.approx(math.log(3))


def test_an_image_model_is_a_witness_not_an_oracle(knowledge: Knowledge) -> None:
    """However sure it is, it moves a condition by a factor of 20 at most."""
    sure = differential(RING, CHILD, ImageEvidence({"warts": 1e9}, "wart"), knowledge)
    limit = differential(RING, CHILD, ImageEvidence({"warts": 20.0}, "wart"), knowledge)
    assert sure.probabilities == limit.probabilities


@pytest.mark.parametrize("likelihood", [0.0, -1.0, math.nan, math.inf])
def test_a_likelihood_that_is_none_is_refused(likelihood: float) -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        ImageEvidence({"warts": likelihood}, "wart")


def test_the_flag_needs_a_score_and_a_threshold() -> None:
    assert ImageEvidence({}, "lesion", 0.4, 0.3).flag
    assert not ImageEvidence({}, "lesion", 0.2, 0.3).flag
    assert not ImageEvidence({}, "lesion", 0.9, None).flag


# --- What to ask next ---------------------------------------------------------------------------------
def test_a_pale_patch_is_tested_for_feeling_before_anything_cleverer(knowledge: Knowledge) -> None:
    found = differential(Findings(frozenset({"hypopigmented"})), {"age_months": 84}, None, knowledge)
    assert found.next_question is not None
    assert (found.next_question.finding, found.next_question.reason) == ("numb_patch", "safety")
    assert found.next_question.help


def test_after_the_safety_questions_the_most_informative_comes_first(knowledge: Knowledge) -> None:
    found = differential(RING, CHILD, None, knowledge)
    gains = [each.gain for each in found.next_questions if each.reason == "information"]
    assert gains == sorted(gains, reverse=True)


def test_what_is_known_or_follows_is_not_asked(knowledge: Knowledge) -> None:
    seen = Findings(frozenset({"fine_branny_scale"}), frozenset({"itchy"}))
    asked = {each.finding for each in differential(seen, CHILD, None, knowledge).next_questions}
    assert not asked & {"scaly", "silvery_thick_scale", "night_itch", "fine_branny_scale", "itchy"}


def test_a_baby_is_not_asked_about_shaving_nor_an_adult_about_nappies(knowledge: Knowledge) -> None:
    shaving, nappy = knowledge.findings["shaving_area"], knowledge.findings["nappy_area"]
    assert not shaving.ask_at(6)
    assert nappy.ask_at(6)
    assert not nappy.ask_at(400)
    assert not shaving.ask_at(None)


# --- Properties -------------------------------------------------------------------------------------
@st.composite
def findings(draw: st.DrawFn) -> Findings:
    """Answers without contradictions among themselves."""
    excludes = {item["id"]: set(item["excludes"]) for item in read("findings")["items"]}
    chosen = draw(st.lists(st.sampled_from(IDS), max_size=10, unique=True))
    present: set[str] = set()
    for each in chosen[: draw(st.integers(0, len(chosen)))]:
        if not any(each in excludes[other] or other in excludes[each] for other in present):
            present.add(each)
    return Findings(frozenset(present), frozenset(set(chosen) - present))


ages = st.one_of(st.none(), st.integers(0, 1200)).map(lambda age: {} if age is None else {"age_months": age})


@given(findings(), ages)
def test_probabilities_sum_to_one(knowledge: Knowledge, told: Findings, age: dict[str, Any]) -> None:
    found = differential(told, age, None, knowledge)
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert len(found.ranked) == len(knowledge.profiles)
    assert all(0 <= each.probability <= 1 for each in found.ranked)


@given(findings(), st.randoms(use_true_random=False))
def test_the_order_of_answers_never_matters(knowledge: Knowledge, told: Findings, random: Any) -> None:
    present, absent = sorted(told.present), sorted(told.absent)
    random.shuffle(present)
    random.shuffle(absent)
    turned = Findings(frozenset(present), frozenset(absent))
    assert differential(turned, CHILD, None, knowledge) == differential(told, CHILD, None, knowledge)


@given(findings(), st.sampled_from(IDS))
def test_a_typical_finding_never_lowers_the_condition_that_shows_it_most(
    knowledge: Knowledge, told: Findings, typical: str
) -> None:
    """Typical for X: no condition shows it more often. Answers of the same cluster, and those that it
    makes redundant, are left out: sharing evidence takes weight from them by design."""
    finding, column = knowledge.findings[typical], knowledge.likelihoods[typical]
    related = finding.implies | finding.excludes | {typical}
    related |= {
        id_
        for id_, other in knowledge.findings.items()
        if typical in other.implies or other.cluster == finding.cluster
    }
    base = Findings(told.present - related, told.absent - related)
    before = differential(base, CHILD, None, knowledge).probabilities
    more = replace(base, present=base.present | {typical})
    after = differential(more, CHILD, None, knowledge).probabilities
    shown_most = [id_ for id_, p in zip(knowledge.hypotheses, column, strict=True) if p == max(column)]
    assert all(after[id_] >= before[id_] - 1e-12 for id_ in shown_most)


@given(findings(), st.sampled_from(["fever", "itch_score", "body_sites", "duration_days", "ulcer"]))
def test_an_unknown_fact_is_neutral(knowledge: Knowledge, told: Findings, name: str) -> None:
    assert differential(told, {**CHILD, name: None}, None, knowledge) == differential(
        told, CHILD, None, knowledge
    )


@given(findings(), st.sampled_from(CONDITIONS), st.floats(1.0, 50.0))
def test_image_support_for_a_condition_never_lowers_it(
    knowledge: Knowledge, told: Findings, condition: str, ratio: float
) -> None:
    before = differential(told, CHILD, None, knowledge).probabilities[condition]
    image = ImageEvidence({condition: ratio}, "seen")
    assert differential(told, CHILD, image, knowledge).probabilities[condition] >= before - 1e-12


@given(findings())
def test_no_question_is_asked_twice_and_none_that_is_answered(knowledge: Knowledge, told: Findings) -> None:
    asked = [each.finding for each in differential(told, CHILD, None, knowledge).next_questions]
    assert len(asked) == len(set(asked)) <= 5
    assert not set(asked) & (told.present | told.absent)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (Findings(frozenset({"hypopigmented", "depigmented"})), "excluded_pair"),
        (Findings(frozenset({"itchy"}), frozenset({"itchy"})), "contradiction"),
        (Findings(frozenset({"antlers"})), "unknown_finding"),
    ],
)
def test_contradictory_findings_are_refused(knowledge: Knowledge, told: Findings, code: str) -> None:
    with pytest.raises(ContradictoryFindings) as refused:
        differential(told, CHILD, None, knowledge)
    assert [problem.code for problem in refused.value.problems] == [code]


def test_every_pair_that_the_vocabulary_excludes_is_refused_both_ways(knowledge: Knowledge) -> None:
    for finding in knowledge.findings.values():
        for other in finding.excludes:
            with pytest.raises(ContradictoryFindings):
                differential(Findings(frozenset({finding.id, other})), CHILD, None, knowledge)
