"""The campaign of generated patients in small, and that its oracle bites."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.campaigns import recommend as campaign
from tests.campaigns._against import Question, Word
from tests.campaigns._oracle import Oracle
from tests.campaigns._patients import Generator
from tests.medications.conftest import starter_formulary, starter_snapshot

pytestmark = pytest.mark.one_database
MAN = Question(
    condition="urticaria", age_months=360, weight_kg="70", sex="male", pregnant=None, breastfeeding=None,
    allergies=(), medicines=(), conditions=(), facts={}, cadre="pharmacist", level="pharmacy_treatment",
    prescription=False,
)  # fmt: skip
WOMAN = replace(MAN, sex="female", pregnant=True, breastfeeding=False)
CHILD = replace(MAN, condition="varicella", age_months=24, weight_kg="12")
RINGWORM = replace(MAN, condition="tinea-corporis", facts={"body_sites": ["chest"]})
FLU = Word("flucloxacillin", generics=frozenset({"flucloxacillin"}))
Change = Callable[[dict[str, Any]], None]


def _medicine(key: str, **fields: Any) -> Change:
    return lambda snapshot: next(r for r in snapshot["medications"] if r["id"] == key).update(fields)


def _regimens(key: str, **fields: Any) -> Change:
    def change(snapshot: dict[str, Any]) -> None:
        for row in next(r for r in snapshot["treatments"] if r["id"] == key)["regimen"]:
            row["population"].update({k: v for k, v in fields.items() if k in row["population"]})
            row.update({k: v for k, v in fields.items() if k not in row["population"]})

    return change


_MAJOR = [{"with": "flucloxacillin", "with_kind": "generic", "severity": "major", "effect": "harm"}]
LORATADINE, SYRUP = "urticaria--loratadine-10-tablet", "varicella--paracetamol-120-5-syrup"
# What the oracle is told is stricter than what the engine was told: it must notice.
BITES: list[tuple[str, Question, Change, str]] = [
    ("an allergy", replace(MAN, allergies=(FLU,)), _medicine("loratadine-10-tablet",
     allergy_classes=["penicillins"]), "against allergy"),
    ("pregnancy", WOMAN, _medicine("loratadine-10-tablet", pregnancy={"status": "avoid", "note": ""}),
     "against pregnancy"),
    ("an interaction", replace(MAN, medicines=(FLU,)), _medicine("loratadine-10-tablet",
     interactions=_MAJOR), "against interaction"),
    ("a contraindication", replace(MAN, conditions=(Word("asthma", concepts=frozenset({"asthma"})),)),
     _medicine("loratadine-10-tablet", contraindications=["Asthma"]), "against contraindication"),
    ("an age", MAN, _medicine("loratadine-10-tablet", age_min_months=361), "against age"),
    ("an age band", MAN, _regimens(LORATADINE, age_max_months=359), "against age"),
    ("a weight band", MAN, _regimens(LORATADINE, weight_max_kg=70), "against weight"),
    ("a severity", MAN, _regimens(LORATADINE, severity="severe"), "against severity"),
    ("a maximum at once", CHILD, _regimens(SYRUP, max_single_mg=150), "mg at once"),
    ("a maximum a day", CHILD, _regimens(SYRUP, max_daily_mg=400), "mg a day"),
    ("a maximum a day and kilogram", CHILD, _regimens(SYRUP, max_daily_mg_per_kg=30), "mg a day"),
    ("a longer course", MAN, _medicine("loratadine-10-tablet", max_duration_days=3), "days, at most 3"),
    ("a body site", RINGWORM, _medicine("clotrimazole-1-cream", body_site_restrictions=["trunk"]),
     "against body_site"),
    ("the legal class", MAN, _medicine("loratadine-10-tablet", legal_class={"value": "prescription_only"}),
     "may_supply is True"),
    ("what a seller sees", replace(MAN, cadre="otc_medicine_seller"), _medicine("loratadine-10-tablet",
     legal_class={"value": "prescription_only"}), "against legal_class"),
    ("an urgent referral", MAN, lambda snapshot: None, ""),
]  # fmt: skip


def test_thirty_patients_made_by_chance_are_answered_as_the_oracle_says() -> None:
    tally = campaign.run(30, 1957, starter_snapshot())
    assert (tally.patients, tally.faulty, tally.unlike) == (30, 0, 0), tally.faults
    assert tally.proposed
    assert tally.excluded


@pytest.mark.parametrize(("what", "question", "change", "fault"), BITES, ids=[row[0] for row in BITES])
def test_the_oracle_notices(what: str, question: Question, change: Change, fault: str) -> None:
    snapshot = copy.deepcopy(starter_snapshot())
    answer = campaign.answer_of(question, starter_formulary())
    assert Oracle(snapshot).wrong(question, answer) == []
    change(snapshot)
    if not fault:
        question, fault = replace(question, level="refer_urgent"), "medicines are proposed at refer_urgent"
    assert any(fault in text for text in Oracle(snapshot).wrong(question, answer))


def test_the_oracle_notices_a_rule_that_is_not_in_the_release() -> None:
    question = replace(RINGWORM, age_months=100)
    answer = campaign.answer_of(question, starter_formulary())
    answer["excluded"][0]["reasons"][0]["rule"] = "medications.terbinafine-1-cream.astrology"
    assert any("is not in the release" in text for text in Oracle(starter_snapshot()).wrong(question, answer))


def test_the_same_seed_makes_the_same_patients() -> None:
    once, again = (list(Generator(starter_snapshot(), 3).questions(20)) for _ in range(2))
    assert once == again
