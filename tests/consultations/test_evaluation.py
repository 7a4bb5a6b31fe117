"""The engines in their order, without a database."""

import functools
import json
from importlib import resources
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consultations.services.case import Case
from consultations.services.evaluation import evaluate
from dermatech.core.errors import Unprocessable
from medications.engine import Formulary
from triage.engine import Knowledge, Level

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def published(knowledge: None) -> tuple[Knowledge, Formulary]:
    from consultations.services import results

    known = results.published()
    assert known.formulary is not None
    return known.knowledge, known.formulary


@functools.cache
def finding_ids() -> list[str]:
    text = resources.files("triage").joinpath("data/findings.json").read_text()
    return [item["id"] for item in json.loads(text)["items"]]


@functools.cache
def condition_ids() -> list[str]:
    text = resources.files("triage").joinpath("data/conditions.json").read_text()
    return [item["id"] for item in json.loads(text)["items"]]


flags = st.one_of(st.none(), st.booleans())
facts = st.fixed_dictionaries(
    {},
    optional={
        "fever": st.booleans(),
        "duration_days": st.integers(0, 400),
        "spreading_rapidly": st.booleans(),
        "difficulty_breathing": st.booleans(),
        "numb_patch": st.booleans(),
        "ulcer": st.booleans(),
        "diabetes": st.booleans(),
        "changing_pigmented_lesion": st.booleans(),
        "body_sites": st.lists(
            st.sampled_from(["face", "trunk", "legs", "genital"]), min_size=1, unique=True
        ),
    },
)
evidence = st.builds(
    lambda likelihoods, score, threshold: {
        "photo": "p",
        "label": "x",
        "likelihoods": likelihoods,
        "suspicious_score": score,
        "threshold": threshold,
        "flag": score >= threshold,
    },
    st.dictionaries(st.sampled_from(condition_ids()), st.floats(0.01, 100), max_size=4),
    st.floats(0, 1),
    st.floats(0.05, 0.95),
)


@st.composite
def cases(draw: Any) -> Case:
    """Any patient with any facts; findings that exclude each other are drawn and skipped later."""
    return Case(
        patient={
            "age_months": draw(st.one_of(st.none(), st.integers(0, 1200))),
            "sex": draw(st.one_of(st.none(), st.sampled_from(["female", "male"]))),
            "pregnant": draw(flags),
            "breastfeeding": draw(flags),
            "weight_kg": draw(st.one_of(st.none(), st.integers(3, 120).map(str))),
            "allergies": draw(st.lists(st.sampled_from(["penicillins", "dust", "clotrimazole"]), max_size=2)),
            "current_medicines": draw(st.lists(st.sampled_from(["warfarin", "ampicillin"]), max_size=1)),
            "conditions": [],
        },
        facts=draw(facts),
        present=tuple(draw(st.lists(st.sampled_from(finding_ids()), max_size=4, unique=True))),
        working_diagnosis=draw(st.one_of(st.just(""), st.sampled_from(condition_ids()))),
        cadre=draw(st.sampled_from(["pharmacist", "medicine_counter_assistant"])),
        presentation="lesion",
    )


def with_image(case: Case, said: dict[str, Any]) -> Case:
    return Case.from_dict({**case.as_dict(), "evidence": said})


def level(case: Case, published: tuple[Knowledge, Formulary]) -> Any:
    try:
        return evaluate(case, knowledge=published[0], formulary=published[1])
    except Unprocessable:
        return None  # findings that exclude each other


many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(case=cases(), said=evidence)
def test_an_image_never_lowers_the_level(
    case: Case, said: dict[str, Any], published: tuple[Knowledge, Formulary]
) -> None:
    plain, seen = level(case, published), level(with_image(case, said), published)
    if plain is not None:
        assert not plain.level.worse_than(seen.level)
        if said["flag"]:
            assert seen.level in (Level.EMERGENCY, Level.REFER_URGENT)


@many
@given(case=cases(), said=st.one_of(st.none(), evidence))
def test_nothing_is_proposed_for_an_urgent_patient(
    case: Case, said: dict[str, Any] | None, published: tuple[Knowledge, Formulary]
) -> None:
    done = level(with_image(case, said) if said else case, published)
    if done is not None and done.level in (Level.EMERGENCY, Level.REFER_URGENT):
        assert list(done.proposed) == []


@many
@given(case=cases())
def test_the_same_case_gives_the_same_answer_after_it_was_written_down(
    case: Case, published: tuple[Knowledge, Formulary]
) -> None:
    again = Case.from_dict(json.loads(json.dumps(case.as_dict())))
    one, two = level(case, published), level(again, published)
    assert (one and one.comparable()) == (two and two.comparable())


def test_when_it_is_not_clear_nothing_is_proposed_and_the_answer_says_why(
    published: tuple[Knowledge, Formulary],
) -> None:
    case = Case(patient={"age_months": 300}, facts={})

    done = evaluate(case, knowledge=published[0], formulary=published[1])

    assert done.assessment["abstained"] is True
    assert done.assessment["abstain_reason"]
    assert done.assessment["next_question"]
    assert list(done.proposed) == []
    assert "not clear enough" in done.message


def test_without_a_formulary_triage_still_works(published: tuple[Knowledge, Formulary]) -> None:
    case = Case(patient={"age_months": 84}, facts={}, working_diagnosis="tinea-corporis", cadre="pharmacist")

    done = evaluate(case, knowledge=published[0], formulary=None)

    assert done.level
    assert list(done.proposed) == []
    assert "No formulary" in done.message


def test_findings_that_the_knowledge_dropped_are_named_not_ignored(
    published: tuple[Knowledge, Formulary],
) -> None:
    case = Case(patient={}, facts={}, present=("a_sign_of_old",))

    with pytest.raises(Unprocessable, match="a_sign_of_old"):
        evaluate(case, knowledge=published[0], formulary=published[1])


def test_danger_signs_among_the_findings_count_for_triage(published: tuple[Knowledge, Formulary]) -> None:
    signs = ("skin_tender_peeling", "mucosal_erosions", "new_medicine")
    patient = {"age_months": 400, "sex": "male"}

    seen = level(Case(patient=patient, facts={}, present=signs, cadre="pharmacist"), published)
    stated = {"skin_detachment": True, "mucosal_involvement": True, "new_medicine_recently": True}
    said = level(Case(patient=patient, facts=stated, cadre="pharmacist"), published)

    assert seen.level is said.level is Level.EMERGENCY
    assert seen.triage["rules"] == said.triage["rules"]


def test_fever_among_the_findings_keeps_a_confirmed_ringworm_from_being_treated(
    published: tuple[Knowledge, Formulary],
) -> None:
    case = Case(
        patient={"age_months": 400, "sex": "male"},
        facts={"duration_days": 14, "body_sites": ["arms"]},
        present=("ring_shaped", "fever"),
        working_diagnosis="tinea-corporis",
        cadre="pharmacist",
    )

    done = level(case, published)

    assert done.level is Level.REFER_URGENT
    assert list(done.proposed) == []


@many
@given(case=cases(), sign=st.sampled_from(["fever", "ulcer", "blisters", "mucosal_erosions", "numb_patch"]))
def test_the_same_danger_weighs_as_much_seen_as_said(
    case: Case, sign: str, published: tuple[Knowledge, Formulary]
) -> None:
    fact = published[0].findings[sign].fact
    seen = Case.from_dict({**case.as_dict(), "present": [*case.present, sign]})
    both = Case.from_dict({**seen.as_dict(), "facts": {**case.facts, fact: True}})
    one, two = level(seen, published), level(both, published)
    if one is not None and two is not None:
        assert not two.level.worse_than(one.level)


def test_what_is_proposed_before_anybody_confirmed_the_diagnosis_says_so(
    published: tuple[Knowledge, Formulary],
) -> None:
    case = Case(
        patient={"age_months": 84, "sex": "female"},
        facts={"duration_days": 14, "body_sites": ["trunk"], "itch_score": 6, "fever": False},
        present=("ring_shaped", "scaly_edge", "central_clearing"),
        cadre="pharmacist",
    )
    confirmed = Case.from_dict({**case.as_dict(), "working_diagnosis": "tinea-corporis"})

    def warnings(asked: Case) -> list[str]:
        return [text for row in level(asked, published).proposed for text in row["warnings"]]

    assert any("Nobody has confirmed that this is Tinea corporis" in text for text in warnings(case))
    assert warnings(confirmed)
    assert not any("Nobody has confirmed" in text for text in warnings(confirmed))


def test_nobody_in_an_emergency_is_told_to_answer_another_question_first(
    published: tuple[Knowledge, Formulary],
) -> None:
    case = Case(patient={"age_months": 400}, facts={"difficulty_breathing": True}, cadre="pharmacist")

    done = level(case, published)

    assert done.level is Level.EMERGENCY
    assert done.message.startswith("Triage says emergency: refer now")
