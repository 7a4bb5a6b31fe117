"""More hand-written cases, by what people bring to the counter: infants, weights, places, classes, words."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.medications import test_recommend_cases as others
from tests.medications.conftest import Ask
from tests.medications.test_recommend_cases import MODERATE, NURSING, PREGNANT, WOMAN

pytestmark = pytest.mark.one_database


@dataclass(frozen=True)
class Case:
    """`offered` maps a medicine that must be proposed to a piece of its dose, quantity or warnings ("" =
    anything); `out` one that must not be to the code and a piece of the reason; `not_yours` are proposed
    with `may_supply` false; `nothing`: no medicine is proposed at all."""

    why: str
    condition: str
    said: dict[str, Any]
    offered: dict[str, str] = field(default_factory=dict)
    out: dict[str, tuple[str, str]] = field(default_factory=dict)
    not_yours: tuple[str, ...] = ()
    nothing: bool = False


CLOTRIMAZOLE, MICONAZOLE = "clotrimazole-1-cream", "miconazole-2-cream"
PARAFFIN, ZINC, CALAMINE = "white-soft-paraffin", "zinc-oxide-15-ointment", "calamine-15-lotion"
HYDROCORTISONE, BETAMETHASONE = "hydrocortisone-1-cream", "betamethasone-valerate-0-1-cream"
PERMETHRIN, BENZYL, SULFUR = "permethrin-5-cream", "benzyl-benzoate-25-lotion", "sulfur-5-10-ointment"
IVERMECTIN, CROTAMITON = "ivermectin-3-tablet", "crotamiton-10-cream"
FLUCLOX_CAPS, ERY_TAB = "flucloxacillin-250-capsule", "erythromycin-250-tablet"
CLARITHROMYCIN, PEROXIDE = "clarithromycin-250-capsule", "hydrogen-peroxide-1-cream"
CETIRIZINE, CETIRIZINE_SYRUP = "cetirizine-10-tablet", "cetirizine-5-5-syrup"
LORATADINE, CHLORPHENAMINE = "loratadine-10-tablet", "chlorphenamine-4-tablet"
PARACETAMOL_SYRUP = "paracetamol-120-5-syrup"
BENZOYL, AZELAIC, ADAPALENE = "benzoyl-peroxide-5-gel", "azelaic-acid-20-cream", "adapalene-0-1-gel"
TACROLIMUS, DOXYCYCLINE = "tacrolimus-0-03-ointment", "doxycycline-100-capsule"
SELENIUM, KETO_SHAMPOO = "selenium-sulfide-2-5-shampoo", "ketoconazole-2-shampoo"
MILD: dict[str, Any] = {"severity": "mild"}

CASES = [
    # --- Infants and small children -----------------------------------------------------------------
    Case("a newborn's nappy rash gets the barrier ointment", "nappy-rash", {"age_months": 0},
         offered={ZINC: ""}, out={CLOTRIMAZOLE: ("age", "3 months")}),
    Case("a nappy rash with a yeast pattern from three months", "nappy-rash",
         {"age_months": 4, "body_sites": ["nappy_area"]}, offered={ZINC: "", CLOTRIMAZOLE: ""}),
    Case("blisters under the nappy are no nappy rash to treat here", "nappy-rash",
         {"age_months": 5, "blistering": True}, out={ZINC: ("contraindication", "blistering")}),
    Case("a feverish baby is not for the barrier ointment", "nappy-rash", {"age_months": 5, "fever": True},
         out={ZINC: ("contraindication", "fever")}),
    Case("no hydrocortisone before the second birthday", "atopic-eczema",
         {"age_months": 23, "body_sites": ["arms"]}, offered={PARAFFIN: ""}, out={HYDROCORTISONE: ("age",
         "2 years")}),
    Case("hydrocortisone from the second birthday", "atopic-eczema", {"age_months": 24,
         "body_sites": ["arms"]}, offered={HYDROCORTISONE: ""}),
    Case("cradle cap is softened with paraffin in the first year only", "seborrhoeic-dermatitis",
         {"age_months": 12}, out={PARAFFIN: ("age", "11 months")}),
    Case("cradle cap of a baby", "seborrhoeic-dermatitis", {"age_months": 3, "body_sites": ["scalp"]},
         offered={PARAFFIN: ""}, out={KETO_SHAMPOO: ("age", "12 years")}),
    Case("a baby of two months with scabies may have permethrin", "scabies", {"age_months": 2},
         offered={PERMETHRIN: "whole body", SULFUR: ""}, out={BENZYL: ("age", "12 years")}),
    Case("a newborn with scabies gets nothing here", "scabies", {"age_months": 0}, nothing=True),
    Case("no crotamiton before three", "scabies", {"age_months": 35}, out={CROTAMITON: ("age", "3 years")}),
    Case("heat rash of a newborn is looked at by somebody else", "miliaria", {"age_months": 0},
         nothing=True),
    Case("heat rash of a baby gets calamine", "miliaria", {"age_months": 8}, offered={CALAMINE: "100 mL"}),
    Case("no calamine for chickenpox before one year", "varicella", {"age_months": 11},
         out={CALAMINE: ("age", "12 months")}),
    Case("no paracetamol syrup after the twelfth birthday here", "varicella",
         {"age_months": 144, "weight_kg": 40}, out={PARACETAMOL_SYRUP: ("age", "12 years")}),
    Case("no antihistamine syrup before two", "urticaria", {"age_months": 20},
         out={CETIRIZINE_SYRUP: ("age", "2 years")}),
    Case("urea stings: not before one year", "xerosis", {"age_months": 11},
         offered={PARAFFIN: ""}, out={"urea-10-cream": ("age", "12 months")}),
    Case("impetigo before the first birthday is not treated in the pharmacy", "impetigo",
         {"age_months": 11, **MILD}, nothing=True),
    Case("no doxycycline before twelve, for the teeth", "acne-vulgaris", {"age_months": 143, **MODERATE},
         out={DOXYCYCLINE: ("age", "12 years")}),
    # --- Weights ------------------------------------------------------------------------------------
    Case("15 kg is enough for one tablet of ivermectin", "scabies", {"age_months": 60, "weight_kg": 15},
         offered={IVERMECTIN: "3 mg (1 x 3 mg tablet)"}),
    Case("25 kg belongs to the next band", "scabies", {"age_months": 100, "weight_kg": 25},
         offered={IVERMECTIN: "6 mg (2 x 3 mg tablets)"}),
    Case("24.9 kg does not", "scabies", {"age_months": 100, "weight_kg": 24.9},
         offered={IVERMECTIN: "3 mg (1 x 3 mg tablet)"}),
    Case("12 kg by 15 mg/kg, measured down to half millilitres", "varicella",
         {"age_months": 24, "weight_kg": 12}, offered={PARACETAMOL_SYRUP: "5 to 7.5 mL of 120 mg/5 mL"}),
    Case("a heavy child stops at 500 mg a dose", "varicella", {"age_months": 130, "weight_kg": 60},
         offered={PARACETAMOL_SYRUP: "492 mg"}),
    Case("loratadine of 31 kg is the whole tablet", "urticaria", {"age_months": 100, "weight_kg": 31},
         offered={LORATADINE: "10 mg (1 x 10 mg tablet)"}),
    Case("below 31 kg half a tablet is needed, which nobody says can be halved", "urticaria",
         {"age_months": 100, "weight_kg": 30.9}, offered={CETIRIZINE_SYRUP: "5 mg (5 mL"},
         out={LORATADINE: ("dose", "half a tablet")}),
    Case("fluconazole for a child of 16 kg: not in whole tablets", "tinea-corporis",
         {"age_months": 60, "weight_kg": 16, "prescription": True},
         out={"fluconazole-50-tablet": ("weight", "17 kg or more")}),
    Case("fluconazole for a child of 17 kg", "tinea-corporis",
         {"age_months": 60, "weight_kg": 17, "prescription": True},
         offered={"fluconazole-50-tablet": "50 mg (1 x 50 mg tablet)"}),
    Case("a weight that cannot be true is no weight", "scabies", {"age_months": 100, "weight_kg": 250},
         out={IVERMECTIN: ("weight", "cannot be right")}),
    # --- Face, groin and folds ------------------------------------------------------------------------
    Case("tacrolimus is there for the face that no steroid may touch", "atopic-eczema",
         {"body_sites": ["face"]}, offered={TACROLIMUS: ""}, out={HYDROCORTISONE: ("body_site", "face")},
         not_yours=(TACROLIMUS,)),
    Case("no potent steroid in the armpits", "atopic-eczema", {"body_sites": ["axillae"]},
         out={BETAMETHASONE: ("body_site", "axillae")}),
    Case("no potent steroid in the groin", "atopic-eczema", {"body_sites": ["groin"]},
         out={BETAMETHASONE: ("body_site", "groin")}),
    Case("hydrocortisone may be used in the armpits for a week", "atopic-eczema",
         {"body_sites": ["axillae"]}, offered={HYDROCORTISONE: ""}),
    Case("jock itch gets the antifungal that the groin bears", "tinea-cruris", {"body_sites": ["groin"]},
         offered={CLOTRIMAZOLE: "", MICONAZOLE: "", "terbinafine-1-cream": ""}),
    Case("ringworm of the scalp is not for creams", "tinea-corporis", {"body_sites": ["scalp"]},
         out={CLOTRIMAZOLE: ("body_site", "scalp")}),
    Case("ringworm of the nails is not for creams", "tinea-pedis", {"body_sites": ["nails"]},
         out={CLOTRIMAZOLE: ("body_site", "nails")}),
    Case("no wart paint on the face", "warts", {"body_sites": ["face"]}, nothing=True),
    Case("no wart paint on genital skin", "warts", {"genital_involvement": True}, nothing=True),
    Case("molluscum of the eyelid is referred", "molluscum-contagiosum", {"body_sites": ["eyelids"]},
         nothing=True),
    Case("a cold sore on the lip", "herpes-simplex", {"body_sites": ["lips"]},
         offered={"aciclovir-5-cream": ""}),
    Case("herpes elsewhere is not for this cream", "herpes-simplex", {"body_sites": ["chest"]},
         out={"aciclovir-5-cream": ("body_site", "Lip")}),
    Case("a boil on the face is not for the pharmacy", "furuncle-abscess", {"body_sites": ["face"]},
         nothing=True),
    Case("no urea on the face", "xerosis", {"body_sites": ["face"]}, offered={PARAFFIN: ""},
         out={"urea-10-cream": ("body_site", "face")}),
    Case("peroxide keeps away from the eyes", "impetigo", {**MILD, "body_sites": ["eyelids"]},
         out={PEROXIDE: ("body_site", "eyelids")}),
    # --- Pregnancy and breastfeeding -------------------------------------------------------------------
    Case("acne in pregnancy: azelaic acid and benzoyl peroxide, no retinoid", "acne-vulgaris",
         {**PREGNANT, **MILD}, offered={AZELAIC: "", BENZOYL: ""}, out={ADAPALENE: ("pregnancy", "pregnan"),
         "tretinoin-0-025-cream": ("pregnancy", "pregnan")}),
    Case("a woman planning a child gets no retinoid", "acne-vulgaris",
         {**WOMAN, "conditions": ("planning pregnancy",)}, out={ADAPALENE: ("contraindication", "planning")}),
    Case("scabies in pregnancy: permethrin or sulfur, not benzyl benzoate", "scabies", PREGNANT,
         offered={PERMETHRIN: "", SULFUR: ""}, out={BENZYL: ("pregnancy", "pregnant")}),
    Case("scabies while breastfeeding: permethrin with care of the nipple", "scabies", NURSING,
         offered={PERMETHRIN: "breastfeeding"}, out={BENZYL: ("lactation", "breastfeeding")}),
    Case("hives in pregnancy: loratadine first", "urticaria", PREGNANT, offered={LORATADINE: ""}),
    Case("no selenium shampoo in pregnancy", "pityriasis-versicolor", PREGNANT,
         out={SELENIUM: ("pregnancy", "pregnan")}),
    Case("no clarithromycin in pregnancy, erythromycin with care", "impetigo", {**PREGNANT, **MODERATE},
         offered={ERY_TAB: "Caution in pregnancy"}, out={CLARITHROMYCIN: ("pregnancy", "pregnan")}),
    Case("no fluconazole in pregnancy", "tinea-corporis", {**PREGNANT, "prescription": True},
         out={"fluconazole-50-tablet": ("pregnancy", "pregnan")}),
    Case("no doxycycline while breastfeeding", "acne-vulgaris", {**NURSING, **MODERATE},
         out={DOXYCYCLINE: ("lactation", "breastfeeding")}),
    Case("tacrolimus is not for pregnancy", "atopic-eczema", {**PREGNANT, "body_sites": ["face"]},
         out={TACROLIMUS: ("pregnancy", "pregnan")}),
    # --- Allergies ---------------------------------------------------------------------------------------
    Case("of several allergies in one line each counts", "impetigo",
         {"allergies": ("penicillin and azithromycin",), **MODERATE}, nothing=True),
    Case("what is understood of a line counts, the rest is reported", "impetigo",
         {"allergies": ("penicillin, blue pills",), **MODERATE}, offered={ERY_TAB: "blue pills"},
         out={FLUCLOX_CAPS: ("allergy", "penicillins")}),
    Case("a misspelt allergy is never guessed, only warned about", "impetigo",
         {"allergies": ("penicilin",), **MODERATE}, offered={FLUCLOX_CAPS: "The check is incomplete"}),
    Case("wool fat allergy rules out lanolin", "nappy-rash", {"age_months": 8, "allergies": ("wool fat",)},
         out={ZINC: ("allergy", "lanolin")}),
    Case("allergy to sunscreen rules it out", "melasma", {"allergies": ("sunscreen",)}, nothing=True),
    Case("a house dust allergy rules out nothing", "urticaria", {"allergies": ("house dust",)},
         offered={LORATADINE: ""}),
    Case("Piriton is chlorphenamine", "urticaria", {"allergies": ("Piriton",)},
         out={CHLORPHENAMINE: ("allergy", "chlorphenamine")}),
    Case("groundnut allergy does not matter where there is none", "xerosis", {"allergies": ("groundnuts",)},
         offered={PARAFFIN: ""}),
    # --- Interactions ------------------------------------------------------------------------------------
    Case("clarithromycin with a statin breaks muscle", "impetigo",
         {"current_medicines": ("atorvastatin 20 mg",), **MODERATE},
         out={CLARITHROMYCIN: ("interaction", "atorvastatin")}),
    Case("carbamazepine and erythromycin", "impetigo", {"current_medicines": ("Tegretol",), **MODERATE},
         out={ERY_TAB: ("interaction", "Tegretol")}),
    Case("warfarin and fluconazole bleed", "tinea-corporis",
         {"current_medicines": ("warfarin",), "prescription": True},
         out={"fluconazole-50-tablet": ("interaction", "warfarin")}),
    Case("what is understood of a list of medicines counts", "tinea-corporis",
         {"current_medicines": ("warfarin and herbal mixture",)}, offered={CLOTRIMAZOLE: "herbal mixture"},
         out={MICONAZOLE: ("interaction", "INR")}),
    Case("sleeping tablets and chlorphenamine", "urticaria", {"current_medicines": ("diazepam",)},
         out={CHLORPHENAMINE: ("interaction", "diazepam")}),
    Case("cetirizine with diazepam only warns", "urticaria", {"current_medicines": ("diazepam",)},
         offered={CETIRIZINE: "Moderate interaction"}),
    Case("the same medicine twice is warned about", "urticaria", {"current_medicines": ("loratadine",)},
         offered={LORATADINE: "do not give the same medicine twice"}),
    Case("a steroid tablet and a potent steroid cream only warn", "atopic-eczema",
         {"current_medicines": ("prednisolone 5mg",), "body_sites": ["arms"]},
         offered={BETAMETHASONE: "Moderate interaction"}),
    # --- Legal class -------------------------------------------------------------------------------------
    Case("a technician may supply what is for pharmacies only", "scabies",
         {"cadre": "pharmacy_technician"}, offered={PERMETHRIN: ""}),
    Case("a counter assistant is told who may supply permethrin", "scabies",
         {"cadre": "medicine_counter_assistant"}, offered={BENZYL: ""}, not_yours=(PERMETHRIN,)),
    Case("a seller is offered benzyl benzoate and sulfur", "scabies", {"cadre": "otc_medicine_seller"},
         offered={BENZYL: "", SULFUR: ""}, not_yours=(PERMETHRIN,),
         out={IVERMECTIN: ("legal_class", "refer to a prescriber")}),
    Case("a pharmacist without a prescription does not supply ivermectin", "scabies", {"weight_kg": 70},
         offered={IVERMECTIN: ""}, not_yours=(IVERMECTIN,)),
    Case("with the prescription at hand ivermectin is the pharmacist's", "scabies",
         {"weight_kg": 70, "prescription": True}, offered={IVERMECTIN: "15 mg"}),
    Case("a prescription does not make a seller a pharmacist", "impetigo",
         {"cadre": "otc_medicine_seller", "prescription": True, **MODERATE}, nothing=True),
    Case("an account without a cadre supplies nothing", "xerosis", {"cadre": ""}, not_yours=(PARAFFIN,)),
    Case("no antibiotic by mouth for acne that nobody has judged", "acne-vulgaris", {},
         offered={BENZOYL: ""}, out={DOXYCYCLINE: ("severity", "judge it first")}),
    # --- Health problems and severity -----------------------------------------------------------------------
    Case("hydrocortisone never on acne", "acne-vulgaris", {"conditions": ("rosacea",)},
         offered={BENZOYL: ""}),
    Case("no paracetamol with a failing liver", "furuncle-abscess", {"conditions": ("liver failure",)},
         nothing=True),
    Case("a boil in diabetes is not for the pharmacy", "furuncle-abscess", {"diabetes": True}, nothing=True),
    Case("no tacrolimus on a weak immune system", "atopic-eczema",
         {"immunocompromised": True, "body_sites": ["face"]},
         out={TACROLIMUS: ("contraindication", "immun")}),
    Case("asthma rules out nothing on the skin", "atopic-eczema", {"conditions": ("asthma",),
         "body_sites": ["arms"]}, offered={HYDROCORTISONE: ""}),
    Case("half the body is not for hydrocortisone", "atopic-eczema",
         {"lesion_area_percent": 50, "body_sites": ["trunk"]}, out={HYDROCORTISONE: ("severity", "50 %")}),
    Case("a cold sore of two weeks is referred", "herpes-simplex",
         {"body_sites": ["lips"], "duration_days": 14}, out={"aciclovir-5-cream": ("duration", "14 days")}),
    Case("a pityriasis rosea that reaches the palms may be syphilis", "pityriasis-rosea",
         {"palms_or_soles": True}, nothing=True),
    Case("river blindness nearby rules out ivermectin here", "scabies",
         {"weight_kg": 60, "conditions": ("loiasis",), "prescription": True},
         out={IVERMECTIN: ("contraindication", "Loa loa")}),
    # --- Notifiable and serious diseases: the pharmacy has no medicine for them ---------------------------
    *(Case(f"no medicine is supplied for {disease}", condition, {"level": "refer_routine"}, nothing=True)
      for disease, condition in (
          ("suspected Buruli ulcer", "buruli-ulcer"), ("suspected leprosy", "leprosy"),
          ("suspected yaws", "yaws"), ("suspected mpox", "mpox"), ("suspected measles", "measles"),
          ("suspected skin cancer", "suspected-skin-cancer"),
          ("cellulitis", "cellulitis-erysipelas"), ("ringworm of the scalp", "tinea-capitis"))),
    # --- Urgent triage: nothing, whatever it is ----------------------------------------------------
    *(Case(f"nothing for {condition} at {level}", condition, {"level": level, "age_months": 60, **MILD},
           nothing=True)
      for condition, level in (
          ("impetigo", "refer_urgent"), ("scabies", "refer_urgent"), ("atopic-eczema", "emergency"),
          ("varicella", "refer_urgent"), ("herpes-zoster", "emergency"), ("urticaria", "emergency"))),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.why)
def test_case(case: Case, ask: Ask) -> None:
    answer = ask(case.condition, **case.said)
    proposed = {item.medication: item for item in answer.proposed}
    excluded = {item.medication: item for item in answer.excluded}
    if case.nothing:
        assert not proposed
        assert answer.message
    for name, words in case.offered.items():
        assert name in proposed, excluded[name].reason
        item = proposed[name]
        said = [item.dose.text, f"{item.quantity.amount} {item.quantity.unit}", *item.warnings]
        assert any(words in text for text in said), said
    for name, (code, words) in case.out.items():
        assert name in excluded, f"{name} is proposed"
        reasons = excluded[name].reasons
        assert any((reason.code, words in reason.text) == (code, True) for reason in reasons), reasons
        assert all(reason.rule for reason in reasons)
    for name in case.not_yours:
        assert proposed[name].may_supply is False
        assert proposed[name].who_may_supply


def test_there_are_many_cases() -> None:
    every = [case.why for case in others.CASES] + [case.why for case in CASES]
    assert len(every) >= 170
    assert len(set(every)) == len(every)
