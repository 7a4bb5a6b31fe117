"""What a patient takes home."""

from typing import Any

import pytest

from consultations.models import Consultation
from tests.consultations.cases import CONSULTATIONS, breathless, ringworm

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def test_premises_whose_licence_is_not_on_file_show_none(decide: Any, leaflet: Any, ama: Any) -> None:
    ama.premises.licence_number = "UNLICENSED OSU PHARMACY"
    ama.premises.save()
    text = leaflet(decide()).text
    assert "Osu Pharmacy Greater Accra Region Advice by" in text
    assert "icen" not in text.split("Advice by")[0]


def scabies() -> dict[str, Any]:
    return ringworm(
        working_diagnosis="scabies",
        findings={"present": [], "absent": []},
        facts={"fever": False, "duration_days": 10},
    )


def test_it_says_what_it_is_and_who_says_so(decide: Any, leaflet: Any) -> None:
    text = leaflet(decide()).text

    assert "Ringworm of the body (Tinea corporis)" in text
    assert "Advice by Ama Mensah, pharmacist" in text
    assert "Osu Pharmacy Greater Accra Region · Licence PC/GAR/0101" in text
    assert "For AB · 7 years" in text
    assert "starter content that no pharmacist in Ghana has reviewed yet" in text


def test_every_condition_has_a_name_that_patients_know(knowledge: None) -> None:
    from consultations.documents.words import plain_names
    from triage.selectors import current_knowledge

    _, published = current_knowledge()
    assert set(published.conditions) <= set(plain_names())


def test_a_suspicion_is_not_written_on_the_patients_page(decide: Any, leaflet: Any, letter: Any) -> None:
    case = decide(ringworm(working_diagnosis="suspected-skin-cancer"), action="refer")

    text = leaflet(case).text

    assert "A spot that a specialist must look at" in text
    assert "melanoma" not in text
    assert "cancer" not in text
    assert "Suspected skin cancer" in letter(case).text


def test_every_dose_of_the_stored_decision_stands_on_it(with_medicines: Any, leaflet: Any) -> None:
    given: list[dict[str, Any]] = [
        {
            "name": f"Medicine {n} suspension",
            "dose": f"{n}.5 mL (125 mg in 5 mL)",
            "frequency": f"{n} times a day",
            "duration_days": n + 3,
            "counselling": [f"Shake bottle {n}."],
            "warnings": [f"Beware of {n}."],
        }
        for n in range(1, 13)
    ]
    row = with_medicines(given)

    shown = leaflet({"id": row.pk})

    assert len(shown.pages) > 2
    for each in given:
        for part in ("name", "dose", "frequency"):
            assert each[part] in shown.text
        assert f"{each['duration_days']} days" in shown.text
        assert each["counselling"][0] in shown.text
        assert each["warnings"][0] in shown.text
    for number, page in enumerate(shown.pages, start=1):
        assert f"Page {number} of {len(shown.pages)}" in page


def test_a_cream_goes_by_fingertips_and_says_how_much_was_handed_over(decide: Any, leaflet: Any) -> None:
    case = decide()
    text = leaflet(case).text

    quantity = case["recommendations"][0]["quantity"]
    assert f"You got {quantity['amount']:g} g (6 tubes of 20 g)" in text
    assert "At most 2.5 fingertip units each time, for 10 % of the skin (trunk)" in text
    assert "One fingertip unit is the cream from the last joint to the tip" in text


def test_it_tells_how_to_keep_the_medicine(decide: Any, leaflet: Any) -> None:
    assert "Keep it Below 25 C, dry, out of reach of children" in leaflet(decide()).text


def test_what_is_meant_for_the_pharmacist_stays_with_the_pharmacist(
    with_medicines: Any, leaflet: Any
) -> None:
    row = with_medicines(
        [
            {
                "counselling": ["Rub in gently.", "Use only if: No red flag", "Stop and refer if: It weeps"],
                "warnings": [
                    "Nobody has confirmed that this is Tinea corporis: confirm it.",
                    "Not on the lips",
                ],
            }
        ]
    )

    text = leaflet({"id": row.pk}).text

    assert "Rub in gently." in text
    assert "Not on the lips" in text
    assert "It weeps" in text.split("Stop and come back to us if:")[1]
    for never in ("Use only if", "Nobody has confirmed", "Stop and refer"):
        assert never not in text


def test_the_household_of_scabies_is_told_what_to_do(decide: Any, leaflet: Any) -> None:
    text = leaflet(decide(scabies())).text

    assert "For everyone you live with" in text
    assert "Treat everyone in the home and sexual partners on the same day, itching or not." in text


def test_no_antibiotic_is_said_as_an_answer(decide: Any, leaflet: Any) -> None:
    assert "No antibiotic today Your pharmacist found no need" in leaflet(decide()).text


def test_no_antibiotic_is_not_said_where_one_was_given(decide: Any, leaflet: Any) -> None:
    sores = ringworm(
        working_diagnosis="impetigo",
        findings={"present": [], "absent": []},
        facts={"fever": False, "duration_days": 3, "lesion_area_percent": 1, "body_sites": ["arms"]},
    )
    case = decide(sores, medications=["mupirocin-2-ointment"], override_reason="Few sores, crusted.")

    text = leaflet(case).text

    assert "Mupirocin" in text
    assert "No antibiotic" not in text


def test_a_medicine_against_the_advice_leaves_room_for_the_dose(decide: Any, leaflet: Any) -> None:
    case = decide(medications=["ketoconazole-2-cream"], override_reason="Prescription of Dr Mensah shown.")

    text = leaflet(case).text

    assert "1. Ketoconazole 2% cream How much . . . ." in text
    assert "Prescription of Dr Mensah" not in text  # between colleagues


def test_an_emergency_is_the_first_thing_on_the_page(decide: Any, leaflet: Any) -> None:
    text = leaflet(decide(breathless(), action="refer")).text

    before = text.split("Go to a hospital emergency unit now")[0]
    assert "Your skin advice" in before
    assert len(before) < 250
    assert "Call an ambulance (112 or 193)" in text
    assert "What to do and what to expect" not in text


def test_advice_alone_is_called_a_treatment(decide: Any, leaflet: Any) -> None:
    assert "No medicine was needed today." in leaflet(decide(action="advise")).text


@pytest.mark.parametrize(
    ("tag", "name"), [("tw", "Twi"), ("ee-GH", "Ewe"), ("ha", "Hausa"), ("xx", "your language")]
)
def test_that_it_is_in_english_is_said_to_whoever_reads_another_language(
    tag: str, name: str, decide: Any, leaflet: Any
) -> None:
    case = decide(ringworm(consent={"photo": False, "language": tag}))

    assert f"there is no reviewed translation into {name} yet" in leaflet(case).text


def test_english_readers_are_not_told_so(decide: Any, leaflet: Any) -> None:
    assert "translation" not in leaflet(decide()).text


def test_the_signs_to_come_back_for_follow_from_the_rules(decide: Any, leaflet: Any) -> None:
    from consultations.documents.netting import safety_net, signs
    from triage.engine import FactValue, Level, assess
    from triage.selectors import current_knowledge

    _, knowledge = current_knowledge()
    facts: dict[str, FactValue] = {
        "fever": False,
        "duration_days": 14,
        "itch_score": 6,
        "age_months": 84,
        "sex": "female",
    }
    net = safety_net(facts, "tinea-corporis", knowledge)
    assert net.emergency
    assert net.urgent
    for sign in signs():
        level = assess({**facts, **sign.facts}, knowledge, confirmed="tinea-corporis").level
        if sign.text in net.emergency:
            assert level is Level.EMERGENCY
        if sign.text in net.urgent:
            assert level is Level.REFER_URGENT

    text = leaflet(decide()).text
    at_once = text.split("Go to a hospital at once, day or night, if:")[1].split(
        "See a doctor the same day if:"
    )[0]
    assert all(sign in at_once for sign in net.emergency)


def test_a_sign_that_is_there_already_is_no_reason_to_come_back(decide: Any, leaflet: Any) -> None:
    case = decide(ringworm(facts={"fever": True, "duration_days": 2}), action="refer")

    assert "Fever starts" not in leaflet(case).text


def test_a_closed_consultation_can_still_be_printed(decide: Any, leaflet: Any, as_ama: Any) -> None:
    case = decide()
    as_ama.patch(f"{CONSULTATIONS}/{case['id']}", {"outcome": {"result": "resolved"}}, format="json")

    assert "Ringworm of the body" in leaflet(case).text


# --- what it is not made from -------------------------------------------------------------------
def answer_code(as_ama: Any, case: dict[str, Any]) -> tuple[int, str]:
    answer = as_ama.get(f"{CONSULTATIONS}/{case['id']}/leaflet")
    code = answer.json()["code"] if answer["Content-Type"] == "application/problem+json" else ""
    return answer.status_code, code


def test_without_a_decision_there_is_no_leaflet(opened: dict[str, Any], as_ama: Any) -> None:
    assert answer_code(as_ama, opened) == (409, "no_decision")


def test_a_decision_that_was_taken_back_is_none(decide: Any, as_ama: Any) -> None:
    case = decide()
    as_ama.patch(f"{CONSULTATIONS}/{case['id']}", {"decision": None}, format="json")

    assert answer_code(as_ama, case) == (409, "no_decision")


def test_advice_that_changed_is_not_printed_until_somebody_decides_on_it(decide: Any, as_ama: Any) -> None:
    case = decide()
    path = f"{CONSULTATIONS}/{case['id']}"
    as_ama.patch(path, {"facts": {"lesion_area_percent": 2}}, format="json")  # another quantity

    assert answer_code(as_ama, case) == (409, "decision_outdated")

    decision = {"action": "supply", "medications": case["decision"]["medications"]}
    again = as_ama.patch(path, {"decision": decision}, format="json").json()
    assert again["decision"]["decided_at"] > case["decision"]["decided_at"]
    assert answer_code(as_ama, case) == (200, "")


def test_a_worse_level_withdraws_the_leaflet(decide: Any, as_ama: Any) -> None:
    case = decide(action="advise")
    as_ama.patch(f"{CONSULTATIONS}/{case['id']}", {"facts": {"difficulty_breathing": True}}, format="json")

    assert answer_code(as_ama, case) == (409, "decision_outdated")


def test_what_changes_no_advice_changes_no_byte(decide: Any, leaflet: Any, as_ama: Any) -> None:
    case = decide()
    before = leaflet(case).content
    as_ama.patch(f"{CONSULTATIONS}/{case['id']}", {"notes": "The sister comes tomorrow."}, format="json")

    assert leaflet(case).content == before


def test_who_was_referred_gets_the_page_whatever_comes(decide: Any, leaflet: Any, as_ama: Any) -> None:
    case = decide(action="refer")
    as_ama.patch(f"{CONSULTATIONS}/{case['id']}", {"facts": {"difficulty_breathing": True}}, format="json")

    assert "Go to a hospital emergency unit now" in leaflet(case).text


def test_a_decision_from_before_decisions_kept_their_basis_is_judged_by_the_advice(
    decide: Any, as_ama: Any
) -> None:
    case = decide()
    row = Consultation.objects.get(pk=case["id"])
    row.decision = {name: value for name, value in (row.decision or {}).items() if name != "basis"}
    row.save()
    assert answer_code(as_ama, case) == (200, "")

    row.recommendations.current().filter(proposed=True).delete()
    assert answer_code(as_ama, case) == (409, "decision_outdated")


def test_the_phone_is_not_shown_what_a_decision_rests_on(decide: Any) -> None:
    assert "basis" not in decide()["decision"]
