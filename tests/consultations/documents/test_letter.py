"""What a colleague reads who sees the patient next."""

import json
from typing import Any

import pypdfium2
import pytest

from consultations.models import Consultation, Photo
from tests.consultations.cases import CONSULTATIONS, breathless, ringworm, upload

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def emergency() -> dict[str, Any]:
    case = breathless()
    patient = {
        **case["patient"],
        "initials": "KO",
        "weight_kg": 71.5,
        "allergies": ["penicillins", "ŋkate"],
        "current_medicines": ["amoxicillin 500 mg, since Monday"],
        "conditions": ["asthma"],
    }
    return {**case, "patient": patient}


def test_it_says_to_whom_how_soon_and_why(decide: Any, letter: Any) -> None:
    case = decide(emergency(), action="refer")

    text = letter(case).text

    assert "To: The doctor on duty, emergency unit" in text
    assert "Emergency: now" in text
    for rule in case["triage"]["rules"]:
        assert rule["title"] in text
        assert all(reason in text for reason in rule["because"])
    assert f"To be reported: {case['triage']['notify']}" in text


def test_it_carries_what_a_colleague_must_know(decide: Any, letter: Any) -> None:
    case = decide(emergency(), action="refer")

    text = letter(case).text

    assert "Initials: KO Age: 33 years Sex: Male Weight: 71.5 kg" in text
    assert "Seen Wheals" in text
    assert "Breathing is difficult" in text
    assert "Allergies penicillins; ŋkate" in text
    assert "Takes amoxicillin 500 mg, since Monday" in text
    assert "Other illnesses asthma" in text
    assert "Given here today no medicine" in text
    assert "Not confirmed. Possible by the findings:" in text
    assert "Ama Mensah, pharmacist Registration REG-AMA" in text
    assert "What is not listed was not asked." in text
    assert "reviewed" in text


def test_it_bears_the_id_that_the_log_knows(decide: Any, letter: Any) -> None:
    case = decide(emergency(), action="refer")

    shown = letter(case)

    assert f"Reference {case['id']}" in shown.text


def test_findings_and_answers_stand_in_words(decide: Any, letter: Any) -> None:
    text = letter(decide(action="refer", override_reason="Mother asks for a second opinion.")).text

    assert "Routine: on the pharmacist's judgement" in text.replace("\u2019", "'")
    assert "reason: Mother asks for a second opinion." in text
    assert "Tinea corporis (ICD-10 B35.4)" in text
    assert "Duration 14 days (2 weeks)" in text
    assert "Ring shaped" in text
    assert "Looked for, not there" in text
    assert "Itch is 6 of 10" in text
    assert "Asked, answered no There is no fever." in text
    assert "shares a bed" not in text  # notes stay in the record


def test_pregnancy_is_asked_of_whoever_could_be(decide: Any, letter: Any) -> None:
    woman = {**ringworm()["patient"], "age_months": 300, "pregnant": True, "breastfeeding": None}

    text = letter(decide(ringworm(patient=woman), action="refer")).text

    assert "Pregnant: yes" in text
    assert "Breastfeeding: not known" in text


def test_medicines_given_go_along_where_triage_refers_as_well(with_medicines: Any, letter: Any) -> None:
    row = with_medicines(
        [{"name": "Clotrimazole 1% cream", "dose": "thin layer", "frequency": "twice daily"}]
    )
    row.triage = {**row.triage, "level": "refer_routine", "timeframe": "within 2 weeks"}
    row.triage_level = "refer_routine"
    row.save()

    text = letter({"id": row.pk}).text

    assert "Routine: within 2 weeks" in text
    assert "Given here today • Clotrimazole 1% cream, thin layer, twice daily, for 28 days" in text


def test_it_is_never_held_back_because_things_got_worse(decide: Any, letter: Any, as_ama: Any) -> None:
    case = decide(action="refer")
    as_ama.patch(f"{CONSULTATIONS}/{case['id']}", {"facts": {"difficulty_breathing": True}}, format="json")

    assert "Emergency: now" in letter(case).text


def test_without_a_decision_there_is_no_letter(as_ama: Any, knowledge: None) -> None:
    case = as_ama.post(CONSULTATIONS, emergency(), format="json").json()

    answer = as_ama.get(f"{CONSULTATIONS}/{case['id']}/referral-letter")

    assert (answer.status_code, answer.json()["code"]) == (409, "no_decision")


def test_who_was_not_referred_gets_no_letter(decide: Any, as_ama: Any) -> None:
    case = decide()

    answer = as_ama.get(f"{CONSULTATIONS}/{case['id']}/referral-letter")

    assert (answer.status_code, answer.json()["code"]) == (409, "not_referred")


# --- the photo ----------------------------------------------------------------------------------
@pytest.fixture
def referred(as_ama: Any) -> dict[str, Any]:
    """A case with a photo, referred."""
    case = as_ama.post(
        CONSULTATIONS, {"data": json.dumps(ringworm()), "image": upload()}, format="multipart"
    ).json()
    body: dict[str, Any] = as_ama.patch(
        f"{CONSULTATIONS}/{case['id']}", {"decision": {"action": "refer"}}, format="json"
    ).json()
    return body


def pictures(content: bytes) -> int:
    """How many bitmaps a PDF holds; the QR code is drawn and is none."""
    image = pypdfium2.raw.FPDF_PAGEOBJ_IMAGE
    return sum(len(list(page.get_objects(filter=[image]))) for page in pypdfium2.PdfDocument(content))


def test_the_photo_stays_out_unless_it_is_asked_for(
    referred: dict[str, Any], letter: Any, events: Any
) -> None:
    events()

    assert pictures(letter(referred).content) == 0
    assert events() == ["report.read"]


def test_a_small_photo_goes_along_and_is_recorded_as_looked_at(
    referred: dict[str, Any], letter: Any, events: Any
) -> None:
    events()

    shown = letter(referred, "?photo=true")

    assert pictures(shown.content) == 1
    assert "Taken with consent." in shown.text
    assert events() == ["photo.read", "report.read"]


def test_the_sharpest_usable_photo_is_taken(referred: dict[str, Any], as_ama: Any) -> None:
    from consultations.documents.services import _best_photo

    path = f"{CONSULTATIONS}/{referred['id']}/images"
    as_ama.post(path, {"image": upload(seed=5)}, format="multipart")
    first, second = Photo.objects.order_by("created_at")
    row = Consultation.objects.get(pk=referred["id"])
    assert _best_photo(row) == second  # nobody judged them yet: the newest

    Photo.objects.filter(pk=first.pk).update(quality={"usable": True, "sharpness": 0.4})
    Photo.objects.filter(pk=second.pk).update(quality={"usable": False, "sharpness": 0.9})
    assert _best_photo(row) == first


def test_a_photo_that_is_not_there_is_said(decide: Any, as_ama: Any) -> None:
    case = decide(action="refer")

    answer = as_ama.get(f"{CONSULTATIONS}/{case['id']}/referral-letter?photo=true")

    assert (answer.status_code, answer.json()["code"]) == (409, "no_photo")


@pytest.mark.parametrize("query", ["?photo=maybe", "?photo=", "?foto=true"])
def test_a_parameter_that_makes_no_sense_is_refused(query: str, decide: Any, as_ama: Any) -> None:
    case = decide(action="refer")

    assert as_ama.get(f"{CONSULTATIONS}/{case['id']}/referral-letter{query}").status_code == 400
