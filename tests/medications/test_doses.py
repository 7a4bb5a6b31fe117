# mypy: disable-error-code="comparison-overlap"
"""Doses, quantities, warnings and who may supply, in figures a pharmacist can check by hand."""

import copy
from decimal import Decimal
from typing import Any

import pytest

from medications.engine import Formulary, Patient, Recommendations, parse_formulary, recommend
from medications.engine.dosing import measurable_ml
from medications.engine.results import Proposed
from medications.engine.strength import parse_strength
from tests.medications.conftest import Ask, starter_snapshot

pytestmark = pytest.mark.one_database


def _one(ask: Ask, condition: str, medication: str, **said: Any) -> Proposed:
    answer = ask(condition, **said)
    found = [item for item in answer.proposed if item.medication == medication]
    reasons = {item.medication: item.reason for item in answer.excluded}
    assert found, reasons.get(medication, "no treatment with it")
    return found[0]


@pytest.mark.parametrize(
    ("weight", "dose", "single", "daily"),
    [
        (10, "96 to 144 mg (4 to 6 mL of 120 mg/5 mL)", 144, 576),
        ("12.5", "120 to 180 mg (5 to 7.5 mL of 120 mg/5 mL)", 180, 720),
        (40, "396 to 492 mg (16.5 to 20.5 mL of 120 mg/5 mL)", 492, 1968),  # capped at 500 mg a dose
    ],
)
def test_paracetamol_for_a_child_goes_by_weight_and_never_above_its_maxima(
    ask: Ask, weight: Any, dose: str, single: int, daily: int
) -> None:
    item = _one(ask, "varicella", "paracetamol-120-5-syrup", age_months=100, weight_kg=weight)
    assert item.dose.text == dose
    assert (item.dose.single_mg, item.dose.daily_mg) == (single, daily)
    assert item.dose.frequency == "every 4-6 h, at most 4 doses in 24 hours"


@pytest.mark.parametrize(
    ("weight", "tablets"),
    [(15, 1), ("24.9", 1), (25, 2), ("35.9", 2), (36, 3), (51, 4), (66, 5), ("79.9", 5), (80, 6), (120, 6)],
)
def test_ivermectin_bands_take_their_lower_and_leave_their_upper_weight(
    ask: Ask, weight: Any, tablets: int
) -> None:
    item = _one(ask, "scabies", "ivermectin-3-tablet", age_months=400, weight_kg=weight)
    assert item.dose.units == tablets
    assert item.dose.single_mg == 3 * tablets
    assert item.quantity.amount == 2 * tablets  # repeated after 7 to 14 days


def _with(medication: str, **fields: Any) -> Formulary:
    """The starter formulary with one medicine changed."""
    snapshot = copy.deepcopy(starter_snapshot())
    next(row for row in snapshot["medications"] if row["id"] == medication).update(fields)
    return parse_formulary(snapshot)


def _child(formulary: Formulary, condition: str, **said: Any) -> Recommendations:
    return recommend(
        condition=condition, patient=Patient(**{"age_months": 80, "sex": "male", **said}), facts={},
        formulary=formulary, cadre="pharmacist", level="pharmacy_treatment",
    )  # fmt: skip


def test_half_a_tablet_of_a_scored_one_is_said_in_words() -> None:
    answer = _child(_with("cetirizine-10-tablet", scored=True), "urticaria")
    item = next(item for item in answer.proposed if item.medication == "cetirizine-10-tablet")
    assert item.dose.text == "5 mg (half a 10 mg tablet)"
    assert (item.quantity.amount, item.quantity.unit) == (14, "tablets")


@pytest.mark.parametrize(("scored", "words"), [(False, "is not scored"), (None, "does not say")])
def test_no_tablet_is_halved_that_is_not_known_to_be_scored(scored: bool | None, words: str) -> None:
    answer = _child(_with("cetirizine-10-tablet", scored=scored), "urticaria")
    (tablet,) = (item for item in answer.excluded if item.medication == "cetirizine-10-tablet")
    assert tablet.reasons[0].rule == "medications.cetirizine-10-tablet.scored"
    assert words in tablet.reason
    assert "cetirizine-5-5-syrup" in {item.medication for item in answer.proposed}


def test_within_a_range_whole_tablets_are_taken_instead_of_halves(ask: Ask) -> None:
    item = _one(ask, "furuncle-abscess", "paracetamol-500-tablet", age_months=150)
    assert item.dose.text == "500 mg (1 x 500 mg tablet)"  # the range is 500 to 750 mg


def test_the_maxima_of_a_dose_a_day_and_a_course_are_said(ask: Ask) -> None:
    item = _one(ask, "varicella", "paracetamol-120-5-syrup", age_months=24, weight_kg="12.5")
    assert item.maxima == (
        "No more than 500 mg at once.",
        "No more than 4 doses in 24 hours.",
        "No more than 750 mg in 24 hours.",  # 60 mg for each of 12.5 kg
        "Not longer than 3 days without a review.",
    )
    steroid = _one(ask, "atopic-eczema", "betamethasone-valerate-0-1-cream", body_sites=["arms"])
    assert "No more than 50 g a week." in steroid.maxima


def test_a_fixed_volume_that_no_syringe_measures_is_rounded_down() -> None:
    snapshot = copy.deepcopy(starter_snapshot())
    row = next(row for row in snapshot["treatments"] if row["id"] == "urticaria--cetirizine-5-5-syrup")
    row["regimen"][1].update(dose_mg=4.3, dose_ml=4.3)
    item = next(i for i in _child(parse_formulary(snapshot), "urticaria").proposed)
    assert (item.dose.text, item.dose.single_ml) == ("4 mg (4 mL of 5 mg/5 mL)", 4)


def test_a_daily_maximum_per_kilogram_cuts_the_number_of_fixed_doses() -> None:
    snapshot = copy.deepcopy(starter_snapshot())
    row = next(row for row in snapshot["treatments"] if row["id"] == "urticaria--cetirizine-5-5-syrup")
    row["regimen"][1]["max_daily_mg_per_kg"] = 0.25
    formulary = parse_formulary(snapshot)
    light = _child(formulary, "urticaria", weight_kg=Decimal(20)).proposed[0]  # 5 mg in all
    assert (light.dose.per_day, light.dose.daily_mg) == (1, 5)
    assert light.dose.frequency == "twice daily, at most 1 dose in 24 hours"
    unknown = next(
        item for item in _child(formulary, "urticaria").excluded if item.medication == "cetirizine-5-5-syrup"
    )
    assert unknown.code == "weight"


def test_flucloxacillin_capsules_are_counted_for_the_whole_course(ask: Ask) -> None:
    item = _one(ask, "impetigo", "flucloxacillin-250-capsule", severity="moderate")
    assert item.dose.text == "500 mg (2 x 250 mg capsules)"
    assert (item.quantity.amount, item.quantity.unit) == (40, "capsules")
    assert item.quantity.how == "2 x 4 a day x 5 days = 40 capsules at most"


def test_syrup_is_handed_over_in_whole_bottles(ask: Ask) -> None:
    item = _one(ask, "impetigo", "erythromycin-125-5-suspension", severity="moderate", age_months=84)
    assert item.dose.text == "250 mg (10 mL of 125 mg/5 mL)"
    assert (item.quantity.amount, item.quantity.unit) == (200, "mL")
    assert "2 bottles of 100 mL" in item.quantity.how


def test_a_cream_goes_by_fingertip_units_of_the_area(ask: Ask) -> None:
    item = _one(ask, "tinea-corporis", "miconazole-2-cream", lesion_area_percent=2)
    # 2 % of 40.5 FTU is 0.81 FTU, 0.405 g; twice daily for 28 days 22.68 g.
    assert (item.quantity.amount, item.quantity.unit) == (40, "g")
    assert "2 tubes of 20 g" in item.quantity.how
    assert "2 % of the skin" in item.quantity.how
    assert item.quantity.as_dict() | {"how": ""} == {
        "amount": 40, "unit": "g", "how": "", "per_use": 0.5, "fingertip_units": 0.9,
        "packs": {"count": 2, "size": 20, "unit": "g", "container": "tubes"},
    }  # fmt: skip


def test_a_child_needs_less_cream_than_a_grown_up_for_the_same_share_of_skin(ask: Ask) -> None:
    said = {"lesion_area_percent": 9}
    child = _one(ask, "tinea-corporis", "miconazole-2-cream", age_months=18, **said)
    adult = _one(ask, "tinea-corporis", "miconazole-2-cream", **said)
    assert child.quantity.amount < adult.quantity.amount


def test_without_an_area_the_sites_count_and_without_sites_two_palms(ask: Ask) -> None:
    chest = _one(ask, "tinea-corporis", "miconazole-2-cream", body_sites=["chest"])
    assert "chest" in chest.quantity.how
    nowhere = _one(ask, "tinea-corporis", "miconazole-2-cream")
    assert "two adult palms" in nowhere.quantity.how
    assert any("Where it is was not said" in warning for warning in nowhere.warnings)


def test_a_wide_site_asks_for_no_more_cream_than_the_treatment_may_cover(ask: Ask) -> None:
    item = _one(ask, "tinea-corporis", "miconazole-2-cream", body_sites=["trunk"], age_months=84)
    # Whole skin 24.5 FTU; the treatment is for under 10 %: 2.45 FTU, 1.225 g, twice daily for 28 days.
    assert (item.quantity.amount, item.quantity.unit) == (80, "g")
    assert "10 % of the skin, the most for this treatment (trunk)" in item.quantity.how


def test_a_site_inside_another_named_site_is_not_counted_twice(ask: Ask) -> None:
    trunk = _one(ask, "tinea-corporis", "miconazole-2-cream", body_sites=["trunk"])
    both = _one(ask, "tinea-corporis", "miconazole-2-cream", body_sites=["trunk", "chest"])
    assert trunk.quantity == both.quantity


def test_scabies_cream_covers_the_whole_body_and_is_repeated(ask: Ask) -> None:
    adult = _one(ask, "scabies", "permethrin-5-cream")
    assert (adult.quantity.amount, adult.quantity.unit) == (60, "g")
    baby = _one(ask, "scabies", "permethrin-5-cream", age_months=6)
    assert (baby.quantity.amount, "whole body" in baby.quantity.how) == (30, True)


def test_a_potent_steroid_is_cut_to_its_weekly_limit(ask: Ask) -> None:
    item = _one(ask, "atopic-eczema", "betamethasone-valerate-0-1-cream", body_sites=["trunk", "legs"])
    assert item.quantity.amount == 100
    assert "cut to at most 50 g a week" in item.quantity.how


def test_a_long_course_is_handed_over_until_the_review(ask: Ask) -> None:
    item = _one(ask, "acne-vulgaris", "benzoyl-peroxide-5-gel", body_sites=["face"])
    assert item.duration_days == 84
    assert "the rest of 84 days after a review" in item.quantity.how


def test_used_as_needed_means_one_pack(ask: Ask) -> None:
    item = _one(ask, "papular-urticaria", "calamine-15-lotion")
    assert (item.quantity.amount, item.quantity.unit) == (100, "mL")


@pytest.mark.parametrize(
    ("asked", "given"), [("0.99", "0.9"), ("1.99", "1.9"), ("2.4", "2"), ("5.2", "5"), ("7.99", "7.5")]
)
def test_volumes_are_rounded_down_to_what_a_syringe_measures(asked: str, given: str) -> None:
    assert measurable_ml(Decimal(asked)) == Decimal(given)


@pytest.mark.parametrize(
    ("text", "form", "mg_per_unit"),
    [
        ("125 mg/5 mL", "oral suspension", "25"),
        ("400 mg + 80 mg", "tablet", "480"),
        ("250 mg", "capsule", "250"),
        ("1%", "cream", None),
        ("100,000 IU/g", "ointment", None),
    ],
)
def test_strengths_are_read_as_printed(text: str, form: str, mg_per_unit: str | None) -> None:
    strength = parse_strength(text, form)
    assert (None if strength is None else strength.mg / strength.per) == (
        mg_per_unit and Decimal(mg_per_unit)
    )


# --- Who may supply ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("cadre", "over_the_counter", "pharmacy_only", "prescription_only"),
    [
        ("pharmacist", True, True, False),
        ("pharmacy_technician", True, True, False),
        ("medicine_counter_assistant", True, False, False),
        ("otc_medicine_seller", True, False, None),
        ("", False, False, False),
        ("healer", False, False, False),
    ],
)
def test_each_cadre_may_supply_its_legal_classes(
    ask: Ask, cadre: str, over_the_counter: bool, pharmacy_only: bool, prescription_only: bool | None
) -> None:
    answer = ask("tinea-corporis", cadre=cadre)
    shown = {item.medication: item for item in answer.proposed}
    assert shown["clotrimazole-1-cream"].may_supply is over_the_counter
    assert shown["ketoconazole-2-cream"].may_supply is pharmacy_only
    tablet = shown.get("fluconazole-50-tablet")
    assert (tablet.may_supply if tablet else None) is prescription_only
    for item in answer.proposed:
        assert item.may_supply or "may supply it" in item.warnings[0]


def test_a_pharmacist_may_supply_on_a_prescription_and_a_technician_may_not(ask: Ask) -> None:
    for cadre, may in (("pharmacist", True), ("pharmacy_technician", False)):
        item = _one(ask, "tinea-corporis", "fluconazole-50-tablet", cadre=cadre, prescription=True)
        assert item.may_supply is may


# --- What is said ------------------------------------------------------------------------------------
def test_an_unknown_medicine_makes_the_check_incomplete_and_is_never_guessed(ask: Ask) -> None:
    answer = ask("tinea-corporis", current_medicines=("warfarn",))
    (unknown,) = answer.unrecognised
    assert (unknown.kind, unknown.text) == ("medicine", "warfarn")
    assert unknown.suggestions[0] == "warfarin"
    assert "miconazole-2-cream" in {item.medication for item in answer.proposed}  # suggestion, not applied
    for item in answer.proposed:
        assert any("incomplete" in warning and "warfarn" in warning for warning in item.warnings)


def test_unknown_allergies_and_problems_are_named_too(ask: Ask) -> None:
    answer = ask("tinea-corporis", allergies=("blue pills",), conditions=("kidney stones",))
    assert {(item.kind, item.text) for item in answer.unrecognised} == {
        ("allergy", "blue pills"),
        ("condition", "kidney stones"),
    }
    assert sum("incomplete" in warning for warning in answer.proposed[0].warnings) == 2


def test_a_failed_treatment_and_a_referral_are_warned_about(ask: Ask) -> None:
    item = ask("xerosis", previous_treatment_failed=True, level="refer_routine").proposed[0]
    assert any("earlier treatment has failed" in warning for warning in item.warnings)
    assert any("must not replace or delay the referral" in warning for warning in item.warnings)


def test_cautions_about_babies_are_not_told_to_adults(ask: Ask) -> None:
    adult = _one(ask, "tinea-corporis", "clotrimazole-1-cream")
    assert "Under 3 months: assess first" not in adult.warnings
    assert "Cetostearyl alcohol may irritate" in adult.warnings


def test_what_to_say_ends_with_when_to_come_back(ask: Ask) -> None:
    item = _one(ask, "tinea-corporis", "clotrimazole-1-cream")
    assert item.counselling[0].startswith("Cover edge plus 2 cm")
    assert "Stop and refer if: No better after the stated course" in item.counselling
    assert any("no pharmacist in Ghana has reviewed" in line for line in item.because)


def test_the_order_is_line_suitability_legal_class_and_aware(ask: Ask) -> None:
    lines = [item.line for item in ask("scabies", weight_kg=70).proposed]
    assert lines == sorted(lines, key=["first", "second", "adjunct"].index)
    equal = [item.medication for item in ask("scabies").proposed if item.line == "first"]
    assert equal == ["benzyl-benzoate-25-lotion", "permethrin-5-cream"]  # over the counter comes first
    woman = {"sex": "female", "pregnant": True, "breastfeeding": False}
    best = ask("urticaria", **woman).proposed[0]
    assert best.medication == "loratadine-10-tablet"  # cetirizine needs caution in pregnancy


def test_a_condition_without_medicines_says_so(ask: Ask) -> None:
    answer = ask("keloid")
    assert answer.as_dict() == {
        "recommendations": [], "excluded": [], "unrecognised": [], "no_antibiotic": None, "household": None,
        "message": "The formulary holds no medicine for Keloid.",
    }  # fmt: skip


def test_when_nothing_suits_the_message_says_to_refer(ask: Ask) -> None:
    answer = ask("warts", diabetes=True, body_sites=["hands"])
    assert answer.proposed == ()
    assert answer.message is not None
    assert "refer" in answer.message


def test_an_unknown_level_is_refused_not_taken_for_harmless(ask: Ask) -> None:
    with pytest.raises(ValueError, match="not a triage level"):
        ask("tinea-corporis", level="fine")


def test_the_answer_has_the_shapes_of_the_contract(ask: Ask) -> None:
    answer = ask("tinea-corporis", allergies=("clotrimazole",)).as_dict()
    assert set(answer["recommendations"][0]) == {
        "treatment", "medication", "name", "line", "dose", "frequency", "route", "duration_days", "quantity",
        "maxima", "counselling", "warnings", "stop_and_refer", "may_supply", "who_may_supply", "legal_class",
        "because",
    }  # fmt: skip
    assert set(answer["recommendations"][0]["quantity"]) == {
        "amount", "unit", "how", "packs", "per_use", "fingertip_units",
    }  # fmt: skip
    assert set(answer["excluded"][0]) == {
        "treatment", "medication", "name", "code", "reason", "rule", "reasons",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "medicine", "age_months", "slip", "right"),
    [
        ("varicella", "paracetamol-120-5-syrup", 24, 120, 12),
        ("varicella", "paracetamol-120-5-syrup", 84, 2.25, 22.5),
        ("scabies", "ivermectin-3-tablet", 84, 225, 22.5),
        ("scabies", "ivermectin-3-tablet", 400, 7, 70),
    ],
)
def test_no_dose_goes_by_a_weight_that_the_age_makes_impossible(
    ask: Ask, condition: str, medicine: str, age_months: int, slip: float, right: float
) -> None:
    wrong = ask(condition, age_months=age_months, weight_kg=slip)
    assert medicine not in [item.medication for item in wrong.proposed]
    reason = next(item.reason for item in wrong.excluded if item.medication == medicine)
    assert "cannot be right" in reason
    assert all(any("weigh the patient again" in text for text in item.warnings) for item in wrong.proposed)

    assert _one(ask, condition, medicine, age_months=age_months, weight_kg=right)
