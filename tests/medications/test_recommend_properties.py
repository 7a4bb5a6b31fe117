"""What must hold for every patient, over generated ones."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medications.engine import Patient, Recommendations, recommend
from medications.engine.bodysites import parts_of
from medications.engine.lexicon import normalise
from medications.engine.model import LifeStatus, Medication, Regimen
from medications.engine.recommend import LEVELS
from medications.engine.results import Proposed
from tests.medications.conftest import starter_formulary
from triage.facts import BODY_SITES

pytestmark = pytest.mark.one_database
FORMULARY = starter_formulary()
CONDITIONS = sorted({item.condition for item in FORMULARY.treatments})
TREATMENTS = {item.id: item for item in FORMULARY.treatments}
CADRES = ("pharmacist", "pharmacy_technician", "medicine_counter_assistant", "otc_medicine_seller", "")
YES_NO_UNKNOWN = st.sampled_from([True, False, None])
WORDS = st.text(alphabet="abcdefgh -+/1", max_size=12)

patients = st.builds(
    Patient,
    age_months=st.one_of(st.none(), st.integers(0, 1200)),
    weight_kg=st.one_of(st.none(), st.decimals("1", "180", places=1)),
    sex=st.sampled_from(["female", "male", None]),
    pregnant=YES_NO_UNKNOWN,
    breastfeeding=YES_NO_UNKNOWN,
    allergies=st.lists(st.one_of(st.sampled_from(sorted(FORMULARY.lexicon.allergens)),
                                 st.sampled_from(sorted(FORMULARY.lexicon.medicines)), WORDS), max_size=2
                       ).map(tuple),
    current_medicines=st.lists(
        st.one_of(st.sampled_from(sorted(FORMULARY.lexicon.medicines)), WORDS), max_size=3).map(tuple),
    conditions=st.lists(
        st.one_of(st.sampled_from(sorted(FORMULARY.lexicon.health)), WORDS), max_size=2).map(tuple),
)  # fmt: skip
facts = st.fixed_dictionaries(
    {},
    optional={
        "severity": st.sampled_from(["mild", "moderate", "severe", None]),
        "body_sites": st.lists(st.sampled_from(BODY_SITES), max_size=3, unique=True),
        "lesion_area_percent": st.one_of(st.none(), st.integers(0, 100)),
        "duration_days": st.one_of(st.none(), st.integers(0, 400)),
        **dict.fromkeys(
            ("fever", "purulent", "immunocompromised", "diabetes", "ulcer", "genital_involvement",
             "previous_treatment_failed", "numb_patch", "spreading_rapidly"),
            YES_NO_UNKNOWN,
        ),
    },
)  # fmt: skip
questions = st.fixed_dictionaries(
    {
        "condition": st.sampled_from(CONDITIONS),
        "patient": patients,
        "facts": facts,
        "cadre": st.sampled_from(CADRES),
        "level": st.sampled_from(LEVELS),
        "prescription": st.booleans(),
    }
)
many = settings(max_examples=50, deadline=None)


def _ask(question: dict[str, Any]) -> Recommendations:
    return recommend(formulary=FORMULARY, **question)


def _pairs(question: dict[str, Any]) -> list[tuple[Proposed, Medication]]:
    return [(item, FORMULARY.medications[item.medication]) for item in _ask(question).proposed]


def _fitting(item: Proposed, patient: Patient) -> list[Regimen]:
    """Regimens of the treatment whose limits the patient is known to meet."""
    found = []
    for regimen in TREATMENTS[item.treatment].regimens:
        people = regimen.population
        age, weight = patient.age_months, patient.weight_kg
        old = (age or 0) >= (people.age_min_months or 0) and (
            people.age_max_months is None or (age is not None and age <= people.age_max_months)
        )
        heavy = (
            people.weight_min_kg is None or (weight is not None and weight >= people.weight_min_kg)
        ) and (people.weight_max_kg is None or (weight is not None and weight < people.weight_max_kg))
        if old and heavy:
            found.append(regimen)
    return found


@many
@given(questions)
def test_every_treatment_is_either_proposed_or_excluded_once(question: dict[str, Any]) -> None:
    answer = _ask(question)
    judged = [item.treatment for item in answer.proposed] + [item.treatment for item in answer.excluded]
    assert sorted(judged) == [item.id for item in FORMULARY.treatments_of(question["condition"])]
    assert all(item.reason and item.reasons[0].rule for item in answer.excluded)


@many
@given(questions)
def test_the_same_question_has_the_same_bytes(question: dict[str, Any]) -> None:
    first, second = (json.dumps(_ask(question).as_dict(), ensure_ascii=False) for _ in range(2))
    assert first == second


@many
@given(questions)
def test_nothing_is_proposed_for_an_urgent_referral(question: dict[str, Any]) -> None:
    answer = _ask({**question, "level": "refer_urgent"})
    assert answer.proposed == ()
    assert answer.message


@many
@given(questions)
def test_age_and_weight_limits_hold(question: dict[str, Any]) -> None:
    patient = question["patient"]
    for item, medication in _pairs(question):
        assert (patient.age_months or 0) >= medication.age_min_months
        assert patient.age_months is not None or medication.age_min_months == 0
        assert _fitting(item, patient)


@many
@given(questions)
def test_no_dose_is_above_a_maximum(question: dict[str, Any]) -> None:
    for item, medication in _pairs(question):
        dose = item.dose
        if dose.single_mg is None:
            continue
        limits = _fitting(item, question["patient"])
        assert any(r.max_single_mg is None or dose.single_mg <= r.max_single_mg for r in limits)
        if dose.daily_mg is not None:
            assert any(r.max_daily_mg is None or dose.daily_mg <= r.max_daily_mg for r in limits)
            weight = question["patient"].weight_kg
            per_kg = [r.max_daily_mg_per_kg for r in limits if r.max_daily_mg_per_kg is not None]
            assert not per_kg or dose.daily_mg <= max(per_kg) * weight
        if dose.single_ml is not None and medication.strength is not None:
            assert dose.single_ml * medication.strength.mg <= dose.single_mg * medication.strength.per
        longest = medication.max_duration_days
        assert longest is None or item.duration_days is None or item.duration_days <= longest


@many
@given(questions)
def test_nothing_to_be_avoided_is_proposed_in_pregnancy_or_breastfeeding(question: dict[str, Any]) -> None:
    patient = question["patient"]
    for _, medication in _pairs(question):
        if patient.pregnant is True:
            assert medication.pregnancy.status is not LifeStatus.AVOID
        if patient.breastfeeding is True:
            assert medication.lactation.status is not LifeStatus.AVOID
        if patient.sex != "male" and patient.pregnant is None and 120 <= (patient.age_months or 0) < 660:
            assert medication.pregnancy.status is not LifeStatus.AVOID


@many
@given(questions)
def test_no_ingredient_or_class_of_an_allergy_is_proposed(question: dict[str, Any]) -> None:
    for _, medication in _pairs(question):
        for text in question["patient"].allergies:
            allergen = FORMULARY.lexicon.allergen(text)
            if allergen is not None:
                assert not allergen.generics & {normalise(name) for name in medication.ingredients}
                assert not (allergen.classes | allergen.related) & set(medication.allergy_classes)


@many
@given(questions)
def test_no_major_interaction_is_proposed(question: dict[str, Any]) -> None:
    for _, medication in _pairs(question):
        own = {normalise(name) for name in medication.ingredients}
        for text in question["patient"].current_medicines:
            taken = FORMULARY.lexicon.medicine(text) or frozenset()
            for entry in medication.interactions:
                if entry.severity.value != "major":
                    continue
                if entry.is_class:
                    members = FORMULARY.interaction_classes[entry.other]
                    assert not {normalise(name) for name in members} & (taken - own)
                else:
                    assert normalise(entry.other) not in taken


@many
@given(questions)
def test_no_barred_body_site_is_treated(question: dict[str, Any]) -> None:
    sites = set(question["facts"].get("body_sites") or ())
    for _, medication in _pairs(question):
        if medication.route.value == "topical":
            barred = set(medication.body_site_restrictions)
            assert not sites & barred
            assert not any(site in parts_of(wide) for site in sites for wide in barred - {"nappy_area"})


@many
@given(questions)
def test_nobody_is_told_that_they_may_supply_what_they_may_not(question: dict[str, Any]) -> None:
    cadre = question["cadre"]
    for item in _ask(question).proposed:
        if cadre == "otc_medicine_seller":
            assert item.legal_class != "prescription_only"
        if item.may_supply:
            assert cadre
            assert item.legal_class == "otc" or cadre in ("pharmacist", "pharmacy_technician")
            assert item.legal_class != "prescription_only" or (
                cadre == "pharmacist" and question["prescription"]
            )


@many
@given(questions)
def test_whatever_was_not_understood_is_said_with_every_proposal(question: dict[str, Any]) -> None:
    answer = _ask(question)
    for unknown in answer.unrecognised:
        assert all(
            any(unknown.text in line and "incomplete" in line for line in item.warnings)
            for item in answer.proposed
        )


@many
@given(questions)
def test_something_measurable_is_handed_over(question: dict[str, Any]) -> None:
    for item in _ask(question).proposed:
        assert item.quantity.amount > 0
        assert item.quantity.how
        assert item.quantity.amount <= Decimal(20_000)
