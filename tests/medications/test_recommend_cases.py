"""Hand-written cases, each with the reason in words. `ask` is about a grown man unless it says otherwise."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from medications.engine.results import Code
from tests.medications.conftest import Ask

pytestmark = pytest.mark.one_database
WOMAN: dict[str, Any] = {"sex": "female", "pregnant": False, "breastfeeding": False}
PREGNANT: dict[str, Any] = {**WOMAN, "pregnant": True}
NURSING: dict[str, Any] = {**WOMAN, "breastfeeding": True}


@dataclass(frozen=True)
class Case:
    """`out` maps a medicine to the code and a piece of the reason with which it is excluded; `offered`
    lists medicines that must be proposed."""

    why: str
    condition: str
    said: dict[str, Any]
    offered: tuple[str, ...] = ()
    out: dict[str, tuple[str, str]] = field(default_factory=dict)


CLOTRIMAZOLE, MICONAZOLE = "clotrimazole-1-cream", "miconazole-2-cream"
TERBINAFINE, KETOCONAZOLE = "terbinafine-1-cream", "ketoconazole-2-cream"
WHITFIELD, HYDROCORTISONE = "benzoic-salicylic-6-3-ointment", "hydrocortisone-1-cream"
FLUCLOX_CAPS, FLUCLOX_SYRUP = "flucloxacillin-250-capsule", "flucloxacillin-125-5-suspension"
ERY_TAB, ERY_SYRUP = "erythromycin-250-tablet", "erythromycin-125-5-suspension"
PERMETHRIN, BENZYL, SULFUR = "permethrin-5-cream", "benzyl-benzoate-25-lotion", "sulfur-5-10-ointment"
IVERMECTIN, CHLORPHENAMINE = "ivermectin-3-tablet", "chlorphenamine-4-tablet"
MODERATE: dict[str, Any] = {"severity": "moderate"}

CASES = [
    # --- Allergy ---------------------------------------------------------------------------------
    Case("an ingredient allergy excludes that ingredient", "tinea-corporis", {"allergies": ("clotrimazole",)},
         out={CLOTRIMAZOLE: ("allergy", "contains clotrimazole")}),
    Case("an allergy to one imidazole excludes the other imidazoles", "tinea-corporis",
         {"allergies": ("ketoconazole",)}, offered=(TERBINAFINE,),
         out={CLOTRIMAZOLE: ("allergy", "imidazole"), MICONAZOLE: ("allergy", "imidazole")}),
    Case("a brand name stands for its substance", "tinea-corporis", {"allergies": ("Canesten",)},
         out={CLOTRIMAZOLE: ("allergy", "clotrimazole")}),
    Case("penicillin in the singular means the class", "impetigo", {"allergies": ("Penicillin",), **MODERATE},
         out={FLUCLOX_CAPS: ("allergy", "penicillins")}),
    Case("amoxicillin allergy is penicillin allergy", "impetigo", {"allergies": ("amoxicillin",), **MODERATE},
         offered=(ERY_TAB,), out={FLUCLOX_CAPS: ("allergy", "amoxicillin")}),
    Case("Augmentin allergy is penicillin allergy", "impetigo", {"allergies": ("Augmentin",), **MODERATE},
         out={FLUCLOX_CAPS: ("allergy", "Augmentin")}),
    Case("cephalosporins cross-react with penicillins", "impetigo", {"allergies": ("cefuroxime",),
         **MODERATE},
         out={FLUCLOX_CAPS: ("allergy", "cross-react")}),
    Case("any beta-lactam allergy excludes penicillins", "impetigo",
         {"allergies": ("beta-lactam antibiotics",), **MODERATE}, out={FLUCLOX_CAPS: ("allergy",
         "beta-lactam")}),
    Case("azithromycin allergy excludes all macrolides", "impetigo", {"allergies": ("azithromycin",),
         **MODERATE},
         offered=(FLUCLOX_CAPS,), out={ERY_TAB: ("allergy", "macrolide")}),
    Case("a macrolide allergy excludes tacrolimus too", "atopic-eczema", {"allergies": ("erythromycin",)},
         out={"tacrolimus-0-03-ointment": ("allergy", "macrolide")}),
    Case("aspirin allergy excludes salicylic acid", "warts", {"allergies": ("aspirin",),
         "body_sites": ["hands"]},
         out={"salicylic-lactic-16-7-wart-paint": ("allergy", "salicylates")}),
    Case("NSAID allergy crosses to salicylates", "tinea-corporis", {"allergies": ("diclofenac",)},
         out={WHITFIELD: ("allergy", "cross-react")}),
    Case("a sulfonamide allergy does not matter for elemental sulfur", "scabies",
         {"allergies": ("sulfa drugs",)}, offered=(SULFUR,)),
    Case("who says 'sulphur' may mean either, so both are left out", "scabies", {"allergies": ("sulphur",)},
         offered=(PERMETHRIN,), out={SULFUR: ("allergy", "sulfur")}),
    Case("hydroxyzine allergy excludes cetirizine", "urticaria", {"allergies": ("hydroxyzine",)},
         offered=("loratadine-10-tablet",), out={"cetirizine-10-tablet": ("allergy", "piperazine")}),
    Case("a steroid allergy spares the plain antifungal", "candidiasis-intertrigo",
         {"allergies": ("steroid cream",)}, offered=(CLOTRIMAZOLE,),
         out={"clotrimazole-hydrocortisone-1-1-cream": ("allergy", "corticosteroids")}),
    Case("an excipient named in a contraindication excludes", "acne-vulgaris",
         {"allergies": ("propylene glycol",)},
         out={"azelaic-acid-20-cream": ("allergy", "propylene glycol")}),
    Case("'none' is an answer, not an allergy", "tinea-corporis", {"allergies": ("None",)},
         offered=(CLOTRIMAZOLE, MICONAZOLE)),
    # --- Pregnancy and breastfeeding ------------------------------------------------------------
    Case("a pregnant woman gets clotrimazole, not Whitfield's", "tinea-corporis", PREGNANT,
         offered=(CLOTRIMAZOLE, MICONAZOLE), out={WHITFIELD: ("pregnancy", "avoided in pregnancy")}),
    Case("terbinafine cream is not for pregnancy by its treatment's own words", "tinea-corporis", PREGNANT,
         out={TERBINAFINE: ("pregnancy", "use an azole")}),
    Case("ivermectin is not given in pregnancy", "scabies", {**PREGNANT, "weight_kg": 60},
         offered=(PERMETHRIN,), out={IVERMECTIN: ("pregnancy", "pregnancy")}),
    Case("unknown pregnancy counts as possible and asks", "acne-vulgaris",
         {"sex": "female", "breastfeeding": False},
         offered=("benzoyl-peroxide-5-gel",), out={"adapalene-0-1-gel": ("pregnancy", "Ask")}),
    Case("at 60 nobody asks about pregnancy", "tinea-corporis", {"sex": "female", "age_months": 720},
         offered=(WHITFIELD,)),
    Case("a girl of eight is not asked about pregnancy", "tinea-corporis", {"sex": "female",
         "age_months": 96},
         offered=(WHITFIELD,)),
    Case("'pregnant' among the health problems counts", "tinea-corporis", {**WOMAN,
         "conditions": ("pregnant",)},
         out={WHITFIELD: ("pregnancy", "avoided")}),
    Case("terbinafine cream is to be avoided when breastfeeding", "tinea-corporis", NURSING,
         offered=(CLOTRIMAZOLE,), out={TERBINAFINE: ("lactation", "breastfeeding")}),
    Case("unknown breastfeeding counts as possible", "tinea-corporis", {"sex": "female", "pregnant": False},
         out={TERBINAFINE: ("lactation", "Nobody has said")}),
    Case("doxycycline is not for pregnancy", "acne-vulgaris", {**PREGNANT, **MODERATE},
         out={"doxycycline-100-capsule": ("pregnancy", "Teeth")}),
    # --- Interactions -----------------------------------------------------------------------------
    Case("miconazole cream raises the INR of warfarin", "tinea-corporis", {"current_medicines": ("warfarin",
         )},
         offered=(CLOTRIMAZOLE,), out={MICONAZOLE: ("interaction", "INR")}),
    Case("strength and frequency do not hide a medicine", "tinea-corporis",
         {"current_medicines": ("Warfarin 5 mg tablets daily",)}, out={MICONAZOLE: ("interaction", "INR")}),
    Case("erythromycin and simvastatin never together", "impetigo",
         {"current_medicines": ("simvastatin",), **MODERATE}, offered=(FLUCLOX_CAPS,),
         out={ERY_TAB: ("interaction", "simvastatin")}),
    Case("one half of a combination is enough", "impetigo", {"current_medicines": ("Coartem",), **MODERATE},
         out={ERY_TAB: ("interaction", "arrhythmia")}),
    Case("combinations written with a slash are taken apart", "impetigo",
         {"current_medicines": ("artemether/lumefantrine 20/120 mg",), **MODERATE},
         out={ERY_TAB: ("interaction", "arrhythmia")}),
    Case("chlorphenamine deepens the sedation of diazepam", "scabies",
         {"current_medicines": ("Valium 5mg nocte",
         "diazepam")}, out={CHLORPHENAMINE: ("interaction", "sedation")}),
    Case("alcohol counts as a medicine", "scabies", {"current_medicines": ("beer",)},
         out={CHLORPHENAMINE: ("interaction", "sedation")}),
    Case("paracetamol twice is an overdose", "herpes-simplex",
         {"current_medicines": ("Panadol",), "body_sites": ["lips"]},
         out={"paracetamol-500-tablet": ("interaction", "overdose")}),
    Case("a moderate interaction only warns", "acne-vulgaris",
         {"current_medicines": ("iron tablets",), **MODERATE}, offered=("doxycycline-100-capsule",)),
    Case("metformin interacts with nothing here", "tinea-corporis",
         {"current_medicines": ("metformin 500mg bd",)},
         offered=(CLOTRIMAZOLE, MICONAZOLE, TERBINAFINE)),
    # --- Contraindications ------------------------------------------------------------------------
    Case("wart paint is not for people with diabetes", "warts",
         {"conditions": ("type 2 diabetes",), "body_sites": ["feet"]},
         out={"salicylic-lactic-16-7-wart-paint": ("contraindication", "diabetes")}),
    Case("the fact diabetes counts like the word", "warts", {"diabetes": True, "body_sites": ["hands"]},
         out={"salicylic-lactic-16-7-wart-paint": ("contraindication", "diabetes")}),
    Case("a weak immune system needs a referral for ringworm", "tinea-corporis", {"immunocompromised": True},
         out={CLOTRIMAZOLE: ("contraindication", "Immune system normal")}),
    Case("HIV counts as a weak immune system", "tinea-corporis", {"conditions": ("HIV positive",)},
         out={CLOTRIMAZOLE: ("contraindication", "HIV")}),
    Case("no paracetamol in liver disease", "herpes-simplex",
         {"conditions": ("hepatitis B",), "body_sites": ["lips"]}, offered=("aciclovir-5-cream",),
         out={"paracetamol-500-tablet": ("contraindication", "liver")}),
    Case("no cetirizine in kidney failure", "urticaria", {"conditions": ("chronic kidney disease",)},
         offered=("loratadine-10-tablet",), out={"cetirizine-10-tablet": ("contraindication", "kidney")}),
    Case("no steroid on pus", "atopic-eczema", {"purulent": True, "body_sites": ["arms"]},
         out={HYDROCORTISONE: ("contraindication", "infection")}),
    Case("urea not on broken skin", "xerosis", {"ulcer": True, "body_sites": ["legs"]},
         out={"urea-10-cream": ("contraindication", "broken skin")}),
    Case("a stop sign that is there already excludes", "tinea-corporis", {"numb_patch": True},
         out={CLOTRIMAZOLE: ("contraindication", "Numb patch")}),
    Case("fever stops the care of a boil in the pharmacy", "furuncle-abscess", {"fever": True},
         out={"paracetamol-500-tablet": ("contraindication", "Fever")}),
    Case("steroid misuse keeps stronger steroids away", "atopic-eczema",
         {"steroid_or_bleaching_use": True, "body_sites": ["arms"]},
         out={"betamethasone-valerate-0-1-cream": ("contraindication", "Bleaching misuse")}),
    # --- Age and weight -----------------------------------------------------------------------------
    Case("a baby of one month is too young for clotrimazole here", "tinea-corporis", {"age_months": 1},
         out={CLOTRIMAZOLE: ("age", "3 months")}),
    Case("three months is old enough: the limit is included", "tinea-corporis", {"age_months": 3},
         offered=(CLOTRIMAZOLE,)),
    Case("permethrin only from two months", "scabies", {"age_months": 1}, out={PERMETHRIN: ("age",
         "2 months")}),
    Case("no terbinafine cream before the 12th birthday", "tinea-pedis", {"age_months": 143},
         out={TERBINAFINE: ("age", "12 years")}),
    Case("terbinafine cream from the 12th birthday", "tinea-pedis", {"age_months": 144},
         offered=(TERBINAFINE,)),
    Case("an unknown age excludes what has an age limit", "scabies", {"age_months": None},
         out={PERMETHRIN: ("age", "Ask the age"), SULFUR: ("age", "Ask the age")}),
    Case("the syrup is for little ones, the tablet for big ones", "urticaria", {"age_months": 48},
         offered=("cetirizine-5-5-syrup",), out={"cetirizine-10-tablet": ("age", "6 years")}),
    Case("ivermectin goes by weight: unknown means weigh", "scabies", {"age_months": 120},
         out={IVERMECTIN: ("weight", "weigh the patient")}),
    Case("ivermectin not below 15 kg", "scabies", {"age_months": 60, "weight_kg": 14.9},
         out={IVERMECTIN: ("weight", "14.9 kg")}),
    Case("paracetamol by mg/kg needs a weight", "varicella", {"age_months": 24},
         out={"paracetamol-120-5-syrup": ("weight", "weigh the patient")}),
    Case("loratadine for a child needs a weight", "urticaria", {"age_months": 90},
         out={"loratadine-10-tablet": ("weight", "weigh the patient")}),
    # --- Body sites -----------------------------------------------------------------------------------
    Case("no hydrocortisone on the face", "atopic-eczema", {"body_sites": ["face"]},
         offered=("white-soft-paraffin",), out={HYDROCORTISONE: ("body_site", "face")}),
    Case("the nose is part of the face", "contact-dermatitis-irritant", {"body_sites": ["nose"]},
         out={HYDROCORTISONE: ("body_site", "nose")}),
    Case("one forbidden site is enough, the others are named", "atopic-eczema", {"body_sites": ["eyelids",
         "arms"]},
         out={HYDROCORTISONE: ("body_site", "Other places (arms)")}),
    Case("Whitfield's not in the groin", "tinea-corporis", {"body_sites": ["groin"]},
         offered=(CLOTRIMAZOLE,), out={WHITFIELD: ("body_site", "groin")}),
    Case("the nappy area includes genital skin", "candidiasis-intertrigo",
         {"age_months": 26, "body_sites": ["nappy_area"]}, offered=(CLOTRIMAZOLE,),
         out={"clotrimazole-hydrocortisone-1-1-cream": ("body_site", "nappy area")}),
    Case("a grown-up's buttocks are no nappy area", "papular-urticaria", {"body_sites": ["buttocks"]},
         offered=(HYDROCORTISONE,)),
    Case("the face may be treated where only the eyelids are barred", "acne-vulgaris",
         {"body_sites": ["face"]}, offered=("benzoyl-peroxide-5-gel",)),
    Case("genital involvement is a body site", "atopic-eczema", {"genital_involvement": True},
         out={HYDROCORTISONE: ("body_site", "genital")}),
    Case("wart paint on hands and feet only", "warts", {"body_sites": ["arms"]},
         out={"salicylic-lactic-16-7-wart-paint": ("body_site", "Hands or feet only")}),
    Case("soles are part of the feet", "warts", {"body_sites": ["soles"]},
         offered=("salicylic-lactic-16-7-wart-paint",)),
    # --- Severity, area, duration -----------------------------------------------------------------
    Case("impetigo creams are for mild cases", "impetigo", {"severity": "mild"},
         offered=("hydrogen-peroxide-1-cream",), out={FLUCLOX_CAPS: ("severity", "moderate cases only")}),
    Case("without a severity somebody must judge it first", "impetigo", {},
         out={"hydrogen-peroxide-1-cream": ("severity", "Judge first")}),
    Case("severe acne is not for benzoyl peroxide alone", "acne-vulgaris", {"severity": "severe"},
         offered=("doxycycline-100-capsule",), out={"benzoyl-peroxide-5-gel": ("severity", "Mild-moderate")}),
    Case("more than a tenth of the skin is too much for creams", "tinea-corporis",
         {"lesion_area_percent": 15},
         out={CLOTRIMAZOLE: ("severity", "15 %")}),
    Case("exactly a tenth still is 'under 10%' in reading", "tinea-corporis", {"lesion_area_percent": 10},
         offered=(CLOTRIMAZOLE,)),
    Case("hives of eight weeks are referred", "urticaria", {"duration_days": 56},
         out={"loratadine-10-tablet": ("duration", "Over 6 weeks")}),
    Case("hives of six weeks are not", "urticaria", {"duration_days": 42}, offered=("loratadine-10-tablet",)),
    # --- Legal class -----------------------------------------------------------------------------------
    Case("a seller of over-the-counter medicines never sees prescription-only ones", "impetigo",
         {"cadre": "otc_medicine_seller", **MODERATE}, out={FLUCLOX_CAPS: ("legal_class",
         "Prescription-only")}),
    # --- Triage ------------------------------------------------------------------------------------------
    Case("urgent referral: nothing is proposed", "tinea-corporis", {"level": "refer_urgent"},
         out={CLOTRIMAZOLE: ("severity", "refer urgent")}),
    Case("an emergency: nothing is proposed", "urticaria", {"level": "emergency"},
         out={"loratadine-10-tablet": ("severity", "emergency")}),
    Case("self-care allows over-the-counter care", "xerosis", {"level": "self_care"},
         offered=("white-soft-paraffin",)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_case(case: Case, ask: Ask) -> None:
    answer = ask(case.condition, **case.said)
    proposed = {item.medication for item in answer.proposed}
    excluded = {item.medication: item for item in answer.excluded}
    missing = set(case.offered) - proposed
    assert not missing, {name: excluded[name].reason for name in missing}
    for name, (code, words) in case.out.items():
        assert name in excluded, f"{name} is proposed"
        assert (excluded[name].code, words in excluded[name].reason) == (code, True), excluded[name].reason


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 80
    assert len({case.why for case in CASES}) == len(CASES)


def test_the_published_code_is_one_that_phones_know(ask: Ask) -> None:
    known = {
        "allergy", "age", "pregnancy", "lactation", "interaction", "body_site", "contraindication",
        "legal_class", "severity",
    }  # fmt: skip
    assert {code.published for code in Code} == known
    answer = ask("scabies", age_months=120).as_dict()
    weighed = next(row for row in answer["excluded"] if row["medication"] == IVERMECTIN)
    assert weighed["code"] == "contraindication"
    assert "weigh the patient" in weighed["reason"]
