"""What is answered beside medicines: no antibiotic today, the household, and what a seller may read."""

import copy
import re
from typing import Any

import pytest

from medications.engine import Patient, parse_formulary, recommend
from medications.engine.results import Contacts
from tests.medications.conftest import Ask, starter_snapshot

pytestmark = pytest.mark.one_database
SELLER = {"cadre": "otc_medicine_seller"}


# --- No antibiotic today ----------------------------------------------------------------------------
def test_mild_impetigo_needs_no_antibiotic_and_the_answer_says_what_to_expect(ask: Ask) -> None:
    said = ask("impetigo", severity="mild").as_dict()["no_antibiotic"]
    assert said["title"] == "No antibiotic today"
    assert "Hydrogen peroxide 1% cream is tried before any antibiotic." in said["because"]
    assert "Flucloxacillin 250 mg capsule is for moderate cases only; this one is mild." in said["because"]
    assert said["expect"][0] == "Treatment with Hydrogen peroxide 1% cream takes 5 days."
    assert "Soak off crusts with clean water and soap; cover; cut nails." in said["meanwhile"]
    assert "Worse at any time or no better after 5 days" in said["return_if"]


@pytest.mark.parametrize(
    ("condition", "said", "why"),
    [
        ("tinea-corporis", {}, "A fungus or yeast causes it"),
        ("molluscum-contagiosum", {}, "A virus causes it"),
        ("varicella", {"age_months": 48}, "A virus causes it"),
        ("scabies", {}, "A mite causes it"),
        ("furuncle-abscess", {}, "needs no antibiotic: the formulary has none for it"),
        ("acne-vulgaris", {"severity": "mild"}, "is tried before any antibiotic"),
    ],
)
def test_where_people_ask_for_an_antibiotic_the_answer_says_why_not(
    ask: Ask, condition: str, said: dict[str, Any], why: str
) -> None:
    answer = ask(condition, **said).no_antibiotic
    assert answer is not None
    assert any(why in line for line in answer.because)
    assert answer.return_if


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("impetigo", {"severity": "moderate"}),  # an antibiotic is the choice
        ("acne-vulgaris", {"severity": "severe"}),
        ("tinea-corporis", {"level": "refer_routine"}),  # the prescriber decides
        ("tinea-corporis", {"level": "refer_urgent"}),
        ("xerosis", {}),  # nobody asks
        ("warts", {"diabetes": True}),  # nothing is proposed at all
    ],
)
def test_it_is_not_said_where_it_is_not_so_or_not_asked(
    ask: Ask, condition: str, said: dict[str, Any]
) -> None:
    assert ask(condition, **said).no_antibiotic is None


def test_a_release_without_advice_on_conditions_still_answers() -> None:
    snapshot = copy.deepcopy(starter_snapshot())
    for row in snapshot["conditions"]:
        del row["self_care"], row["red_flags"]
    answer = recommend(
        condition="tinea-corporis", patient=Patient(age_months=360, sex="male"), facts={},
        formulary=parse_formulary(snapshot), cadre="pharmacist", level="pharmacy_treatment",
    )  # fmt: skip
    assert answer.no_antibiotic is not None
    assert answer.no_antibiotic.meanwhile == ()


# --- The household ------------------------------------------------------------------------------------
def _people(ask: Ask, **said: Any) -> dict[str, Contacts]:
    household = ask("scabies", **said).household
    assert household is not None
    return {each.who: each for each in household.people}


def test_scabies_proposes_for_everybody_in_the_household(ask: Ask) -> None:
    people = _people(ask)
    given = {who: each.treatment.medication if each.treatment else None for who, each in people.items()}
    assert given == {
        "12 years and over": "benzyl-benzoate-25-lotion",
        "2 years to 11 years and 11 months": "permethrin-5-cream",
        "2 months to 23 months": "permethrin-5-cream",
        "Under 2 months": None,
        "Pregnant or breastfeeding": "permethrin-5-cream",
    }
    child = people["2 months to 23 months"].treatment
    assert child is not None
    assert child.quantity.as_dict() | {"how": ""} == {
        "amount": 30, "unit": "g", "how": "", "per_use": 6.8, "fingertip_units": 13.5,
        "packs": {"count": 1, "size": 30, "unit": "g", "container": "tube"},
    }  # fmt: skip
    assert people["Under 2 months"].as_dict() == {"who": "Under 2 months", "refer": True, "medication": None}


def test_the_household_is_treated_even_where_the_patient_may_have_nothing(ask: Ask) -> None:
    allergic = ask("scabies", age_months=6, allergies=("permethrin", "sulphur"))
    assert allergic.proposed == ()
    assert allergic.household is not None


def test_a_seller_treats_the_household_with_what_sellers_have(ask: Ask) -> None:
    for each in _people(ask, **SELLER).values():
        if each.treatment is not None:
            assert each.treatment.legal_class == "otc"


def test_contacts_wait_for_the_diagnosis_and_nobody_else_has_contacts(ask: Ask) -> None:
    unsure = ask("scabies", unconfirmed=("scabies", "atopic-eczema")).household
    assert unsure is not None
    assert unsure.advice[0] == "Confirm that it is Scabies before you treat the household."
    assert ask("tinea-corporis").household is None
    assert ask("scabies", level="refer_urgent").household is None


# --- What a seller of over-the-counter medicines reads ---------------------------------------------------
@pytest.mark.parametrize(
    "condition", ["impetigo", "scabies", "acne-vulgaris", "tinea-corporis", "atopic-eczema"]
)
def test_a_seller_reads_no_figure_of_a_prescription_only_medicine(ask: Ask, condition: str) -> None:
    answer = ask(condition, severity="moderate", age_months=30, allergies=("penicillin",), **SELLER)
    hidden = [item for item in answer.excluded if item.code == "legal_class"]
    assert hidden
    for item in hidden:
        (reason,) = item.reasons  # that it is for children of some age or weight is not told either
        assert not re.search(r"\d", item.name + reason.text)
        assert reason.rule == f"medications.{item.medication}.legal_class"


def test_no_strength_is_told_to_a_seller_at_an_urgent_referral_either(ask: Ask) -> None:
    for item in ask("impetigo", level="refer_urgent", **SELLER).excluded:
        if not item.medication.startswith("hydrogen"):
            assert not re.search(r"\d", item.name + item.reason)


# --- Rules of the release -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("condition", "said", "medication", "rule"),
    [
        ("tinea-corporis", {"allergies": ("clotrimazole",)}, "clotrimazole-1-cream", "{m}.ingredients"),
        ("impetigo", {"allergies": ("penicillin",)}, "flucloxacillin-250-capsule",
         "allergy_classes.penicillins"),
        ("impetigo", {"allergies": ("cefuroxime",)}, "flucloxacillin-250-capsule",
         "allergy_classes.beta-lactams"),
        ("tinea-corporis", {"current_medicines": ("warfarin",)}, "miconazole-2-cream",
         "{m}.interactions.warfarin"),
        ("tinea-corporis", {"sex": "female", "pregnant": True, "breastfeeding": False},
         "benzoic-salicylic-6-3-ointment", "{m}.pregnancy"),
        ("tinea-corporis", {"age_months": 100}, "terbinafine-1-cream", "{m}.age_min_months"),
        ("tinea-corporis", {"lesion_area_percent": 12}, "clotrimazole-1-cream", "use_limits.use-area-10"),
        ("atopic-eczema", {"body_sites": ["nose"]}, "hydrocortisone-1-cream", "{m}.body_site_restrictions"),
        ("atopic-eczema", {"purulent": True}, "hydrocortisone-1-cream", "{m}.contraindications.0"),
        ("scabies", {"weight_kg": 14, "age_months": 60}, "ivermectin-3-tablet",
         "treatments.scabies--ivermectin-3-tablet.regimen"),
    ],
)  # fmt: skip
def test_every_exclusion_names_the_rule_that_says_so(
    ask: Ask, condition: str, said: dict[str, Any], medication: str, rule: str
) -> None:
    row = next(row for row in ask(condition, **said).as_dict()["excluded"] if row["medication"] == medication)
    assert rule.format(m=f"medications.{medication}") in [reason["rule"] for reason in row["reasons"]]
    assert row["rule"] == row["reasons"][0]["rule"]
