"""From what was asked to what is supplied: triage and recommendation together, without a database."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pytest

from consultations.services.case import Case
from consultations.services.evaluation import Evaluation, evaluate
from tests.medications.conftest import PERSON_FIELDS, starter_formulary
from tests.triage.conftest import compose_starter
from triage.engine import Knowledge, parse_knowledge

pytestmark = pytest.mark.one_database


@lru_cache
def knowledge() -> Knowledge:
    return parse_knowledge(compose_starter())


def judged(diagnosis: str, *, cadre: str = "pharmacist", **said: Any) -> Evaluation:
    person = {name: said.pop(name) for name in PERSON_FIELDS & said.keys()}
    case = Case(
        patient={"age_months": 360, "sex": "male", **person},
        facts=said,
        working_diagnosis=diagnosis,
        cadre=cadre,
    )
    return evaluate(case, knowledge=knowledge(), formulary=starter_formulary())


@dataclass(frozen=True)
class Told:
    """`rule` decided, `level` came out; `offered` are proposed, or nothing at all where it is empty."""

    why: str
    diagnosis: str
    said: dict[str, Any]
    level: str
    rule: str
    offered: tuple[str, ...] = ()
    notify: str = ""


CALM: dict[str, Any] = {
    "fever": False, "spreading_rapidly": False, "immunocompromised": False, "purulent": False,
    "lesion_area_percent": 3, "severity": "mild", "duration_days": 7,
}  # fmt: skip
TOLD = [
    # --- Notifiable: somebody is told, nothing is supplied -------------------------------------------------
    Told("suspected Buruli ulcer is notified and referred without a medicine", "buruli-ulcer", {},
         "refer_urgent", "ur-buruli-suspected", notify="Buruli"),
    Told("an ulcer of three weeks may be Buruli ulcer, whatever it was taken for", "furuncle-abscess",
         {"ulcer": True, "duration_days": 21}, "refer_urgent", "ur-buruli-long-ulcer", notify="Buruli"),
    Told("a numb patch may be leprosy, whatever it was taken for", "pityriasis-versicolor",
         {**CALM, "numb_patch": True}, "refer_routine", "rr-leprosy-suspected", notify="leprosy"),
    Told("suspected mpox the same day", "mpox", {}, "refer_urgent", "ur-mpox-suspected", notify="mpox"),
    Told("contact with mpox is enough", "varicella", {"travel_or_contact_mpox": True, "age_months": 120},
         "refer_urgent", "ur-mpox-contact", notify="mpox"),
    Told("suspected measles the same day", "measles", {"age_months": 30}, "refer_urgent", "ur-measles-named",
         notify="measles"),
    Told("suspected yaws", "yaws", {"age_months": 96}, "refer_routine", "rr-yaws-suspected", notify="yaws"),
    Told("a rash after a new medicine is reported to the FDA", "drug-eruption-sjs-ten",
         {"new_medicine_recently": True}, "refer_urgent", "ur-new-medicine-rash", notify="FDA"),
    # --- Emergencies and urgent referrals: nothing ----------------------------------------------------------
    Told("hives with trouble to breathe get no antihistamine first", "urticaria",
         {"difficulty_breathing": True}, "emergency", "em-anaphylaxis"),
    Told("skin that comes off", "drug-eruption-sjs-ten", {"skin_detachment": True}, "emergency",
         "em-sjs-ten-severe-drug-rash"),
    Told("a feverish baby of two months", "impetigo", {"age_months": 2, "fever": True}, "emergency",
         "em-young-infant-fever"),
    Told("crusted scabies", "scabies", {"night_itch": True, "immunocompromised": True, "severity": "severe"},
         "refer_urgent", "ur-crusted-scabies"),
    Told("a mole that changes, taken for a wart", "warts", {"changing_pigmented_lesion": True,
         "body_sites": ["feet"]}, "refer_urgent", "ur-suspected-skin-cancer"),
    Told("cellulitis is not a case for creams", "cellulitis-erysipelas", {}, "refer_urgent", "ur-cellulitis"),
    Told("shingles of the forehead", "herpes-zoster", {"body_sites": ["forehead"]}, "refer_urgent",
         "ur-zoster-ophthalmicus"),
    Told("chickenpox in pregnancy", "varicella", {"sex": "female", "pregnant": True,
         "breastfeeding": False}, "refer_urgent", "ur-varicella-high-risk"),
    Told("an infant under three months, even with ringworm", "tinea-corporis", {**CALM, "age_months": 2},
         "refer_urgent", "ur-infant-under-3-months"),
    Told("blisters on eczema", "atopic-eczema", {"blistering": True, "fever": False}, "refer_urgent",
         "ur-blisters-on-eczema"),
    # --- Treated in the pharmacy ----------------------------------------------------------------------
    Told("plain ringworm", "tinea-corporis", {**CALM, "body_sites": ["trunk"]}, "pharmacy_treatment",
         "ph-superficial-fungal", ("clotrimazole-1-cream", "miconazole-2-cream")),
    Told("plain scabies", "scabies", {**CALM, "night_itch": True}, "pharmacy_treatment", "ph-scabies",
         ("permethrin-5-cream", "benzyl-benzoate-25-lotion")),
    Told("dry skin looks after itself", "xerosis", CALM, "self_care", "sc-self-limiting",
         ("white-soft-paraffin",)),
]  # fmt: skip


@pytest.mark.parametrize("told", TOLD, ids=lambda told: told.why)
def test_case(told: Told) -> None:
    outcome = judged(told.diagnosis, **told.said)
    assert outcome.level.value == told.level
    assert told.rule in [rule["id"] for rule in outcome.triage["rules"]]
    assert told.notify in (outcome.triage["notify"] or "")
    proposed = {row["medication"] for row in outcome.proposed}
    if told.offered:
        assert set(told.offered) <= proposed
    else:
        assert not proposed
        assert outcome.message
    if told.level in ("emergency", "refer_urgent"):
        rules = {f"guidelines.{rule['id']}" for rule in outcome.triage["rules"]}
        assert all(row["rule"] in rules and row["code"] == "severity" for row in outcome.excluded)


def test_a_level_that_forbids_medicines_is_named_by_its_guideline() -> None:
    outcome = judged("urticaria", difficulty_breathing=True)
    assert {row["rule"] for row in outcome.excluded} == {"guidelines.em-anaphylaxis"}
    assert outcome.no_antibiotic is None
    assert outcome.household is None
