"""What a person reads while the guided consultation runs."""

import copy
import io
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dermatech.run import photo, story, walk
from dermatech.run.accounts_file import AccountsMissing, ensure_accounts, new_password, read_accounts
from dermatech.run.terminal import Terminal, terminal

ANALYSIS: dict[str, Any] = {
    "duration_ms": 412,
    "image_quality": {
        "usable": True,
        "problems": [{"code": "blurred", "advice": "Hold the phone still and tap the skin to focus."}],
        "sharpness": 0.81,
        "exposure": 0.64,
        "skin_fraction": 0.72,
        "skin_tone": {"ita_degrees": -12.4, "group": "brown"},
    },
    "conditions": [
        {
            "condition": "tinea-corporis", "name": "Tinea corporis", "icd10": "B35.4", "probability": 0.61,
            "band": "likely", "look_alikes": [],
            "evidence": [
                {"source": "findings", "text": "ring shaped: often in tinea corporis", "weight": 1.3},
                {"source": "findings", "text": "no pus: slightly against impetigo", "weight": -0.2},
            ],
        }
    ],
    "abstained": False,
    "abstain_reason": None,
    "model": None,
    "triage": {
        "level": "pharmacy_treatment", "timeframe": "now", "provisional": True,
        "rules": [
            {"id": "ph-superficial-fungal", "title": "Ringworm of the body", "because": ["the area is 1 %"],
             "advice": "Treat in the pharmacy."}
        ],
        "ask": [{"fact": "fever", "question": "Does she have a fever?", "could_raise_to": "refer_urgent"}],
        "notify": None, "guidelines_release": "r1",
    },
    "recommendations": [
        {
            "medication": "clotrimazole-1-cream", "name": "Clotrimazole 1 % cream", "line": "first",
            "dose": "thin layer", "frequency": "2-3 times daily", "route": "topical",
            "duration_days": 28,
            "quantity": {"amount": 20, "unit": "g", "how": "2 fingertip units a day"},
            "counselling": ["Carry on for 14 days after it is clear."],
            "warnings": ["Keep away from the eyes."],
            "may_supply": True, "legal_class": "otc", "because": ["first line"],
        }
    ],
    "excluded": [{"medication": "terbinafine-1-cream", "code": "age", "reason": "not below 12 years"}],
    "disclaimer": "It advises; a named human decides.",
}  # fmt: skip


@pytest.fixture
def told() -> Terminal:
    return Terminal(out=io.StringIO(), width=88, colour=False)


def said(told: Terminal) -> str:
    assert isinstance(told.out, io.StringIO)
    return re.sub(r"\s+", " ", told.out.getvalue())


def test_the_ranking_shows_band_share_and_evidence_for_and_against(told: Terminal) -> None:
    story.conditions(told, ANALYSIS)
    assert "61% Tinea corporis B35.4 likely" in said(told)
    assert "+ ring shaped: often in tinea corporis" in said(told)
    assert "- no pus: slightly against impetigo" in said(told)
    assert "No image model is installed" in said(told)


def test_an_abstention_is_said_with_its_reason(told: Terminal) -> None:
    story.conditions(
        told, ANALYSIS | {"conditions": [], "abstained": True, "abstain_reason": "Too few findings."}
    )
    assert "Too few findings." in said(told)


def test_an_image_model_is_named_where_one_is_installed(told: Terminal) -> None:
    story.conditions(told, ANALYSIS | {"model": {"name": "lesions", "version": "2.1"}})
    assert "Image model: lesions 2.1." in said(told)


def test_the_level_comes_with_its_rule_reason_and_open_question(told: Terminal) -> None:
    story.triage(told, ANALYSIS["triage"])
    assert "TREAT IN THE PHARMACY · now (provisional: answers are missing)" in said(told)
    assert (
        "Ringworm of the body [ph-superficial-fungal] because the area is 1 % Treat in the pharmacy."
        in said(told)
    )
    assert "? Does she have a fever? (yes could mean: refer urgent)" in said(told)


def test_no_rule_means_referral_and_is_said_so(told: Terminal) -> None:
    story.triage(told, ANALYSIS["triage"] | {"level": "refer_routine", "rules": [], "ask": []})
    assert "No rule fired; without one the answer is to refer." in said(told)


def test_a_notifiable_disease_is_pointed_out(told: Terminal) -> None:
    story.triage(
        told, ANALYSIS["triage"] | {"notify": {"authority": "Disease Surveillance", "within": "24 h"}}
    )
    assert "Notify: Disease Surveillance, 24 h" in said(told)


def test_medicines_come_with_dose_amount_and_advice_and_the_excluded_with_reasons(told: Terminal) -> None:
    story.medicines(told, ANALYSIS)
    assert "thin layer, 2-3 times daily, topical" in said(told)
    assert "20 g (2 fingertip units a day)" in said(told)
    assert "Carry on for 14 days after it is clear." in said(told)
    assert "✗ terbinafine-1-cream: not below 12 years [age]" in said(told)


def test_nothing_to_supply_is_said_too(told: Terminal) -> None:
    story.medicines(told, ANALYSIS | {"recommendations": [], "excluded": []})
    assert "Nothing is proposed that she may supply." in said(told)


def test_a_medicine_beyond_the_cadre_is_marked(told: Terminal) -> None:
    analysis = copy.deepcopy(ANALYSIS)
    analysis["recommendations"][0] |= {"may_supply": False, "quantity": None}
    story.medicines(told, analysis)
    assert "✗ Clotrimazole 1 % cream: Keep away from the eyes [legal class]" in said(told)


def test_advice_is_sorted_into_what_to_say_when_to_use_and_when_to_refer(told: Terminal) -> None:
    analysis = copy.deepcopy(ANALYSIS)
    analysis["recommendations"][0]["counselling"] += ["Use only if: Small area", "Stop and refer if: Fever"]
    story.medicines(told, analysis)
    assert "only if small area" in said(told)
    assert "refer if fever" in said(told)


def test_what_was_asked_and_committed_to_is_told_with_the_new_level(told: Terminal) -> None:
    before = ANALYSIS["triage"] | {"level": "refer_routine"}
    story.answered(told, 25, before, ANALYSIS["triage"] | {"provisional": False, "ask": []})
    assert "She enters 25 answers" in said(told)
    assert "before it was REFER, no hurry. TREAT IN THE PHARMACY · now •" in said(told)


def test_the_decision_is_hers_and_named(told: Terminal) -> None:
    story.decided(told, ANALYSIS | {"decision": {"medications": ["clotrimazole-1-cream"]}})
    assert "Ama decides: she supplies Clotrimazole 1 % cream. The program only advised." in said(told)


def test_unreviewed_knowledge_is_called_that(told: Terminal) -> None:
    release = {"id": "1-c9308b9a", "sha256": "c9308b9ae20ba8e3" * 4, "review_state": "starter_unreviewed"}
    story.knowledge(told, {"guidelines": release, "model": None}, "It advises.")
    assert "guidelines release 1-c9308b9a, SHA-256 c9308b9ae20ba8e3…" in said(told)
    assert "No pharmacist in Ghana has reviewed it yet" in said(told)
    story.knowledge(told, {"guidelines": release | {"review_state": "reviewed"}}, None)
    assert said(told).count("No pharmacist") == 1


def test_the_photo_is_described_from_the_picture_that_is_stored(told: Terminal) -> None:
    clean = io.BytesIO()
    Image.new("RGB", (40, 30)).save(clean, "JPEG")
    image = {"bytes": 212_000, "format": "jpeg", "ssim": 0.9712, "width": 1200, "height": 1600}
    story.photo(told, image, ANALYSIS, 506_787, clean.getvalue())
    assert "212,000 bytes as jpeg (506,787 were sent)" in said(told)
    assert "gone: no camera, no time, no position" in said(told)
    assert "yes (sharpness 0.81, exposure 0.64)" in said(told)
    assert "72% of the picture, tone brown (ITA -12°)" in said(told)
    assert "Hold the phone still" in said(told)


def test_metadata_left_in_a_stored_photo_would_be_seen(told: Terminal) -> None:
    image = {"bytes": 1, "format": "jpeg", "ssim": 1.0, "width": 1, "height": 1}
    story.photo(told, image, {}, 1, photo.sample_photo())
    assert "entries left" in said(told)


def test_it_ends_with_where_to_click_and_who_to_be(told: Terminal, tmp_path: Path) -> None:
    accounts = ensure_accounts(tmp_path)
    story.closing(told, 8123, accounts.values(), tmp_path)
    assert "http://127.0.0.1:8123/api/v1/docs" in said(told)
    assert "http://127.0.0.1:8123/admin/" in said(told)
    assert accounts["yaw"].password in said(told)


def test_the_sample_photo_is_a_sideways_jpeg_with_a_place_in_it() -> None:
    content = photo.sample_photo()
    assert len(content) < 2_000_000
    with Image.open(io.BytesIO(content)) as image:
        assert (image.format, image.size) == ("JPEG", (photo.WIDTH, photo.HEIGHT))
        assert image.getexif()[0x0112] == 6
        assert image.getexif().get_ifd(0x8825)[1] == "N"
    assert content == photo.sample_photo(), "the same each time"


def test_a_photo_is_described_before_it_is_sent() -> None:
    facts = walk.chosen_picture(None).facts()
    assert facts["picture"] == "1600 x 1200 JPEG"
    assert "a GPS position" in facts["inside"]


def test_a_file_that_is_no_picture_is_described_as_such(tmp_path: Path) -> None:
    (tmp_path / "letter.jpg").write_text("Dear Ama")
    assert walk.chosen_picture(tmp_path / "letter.jpg").facts()["picture"].startswith("not one")


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert terminal(Screen()).paint("x", "bold") == "\x1b[1mx\x1b[0m"
    assert terminal(io.StringIO()).paint("x", "bold") == "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal(Screen()).paint("x", "bold") == "x"


def test_long_lines_are_wrapped_under_their_own_indent(told: Terminal) -> None:
    told.item("word " * 40)
    rows = told.out.getvalue().splitlines()  # type: ignore[attr-defined]
    assert max(map(len, rows)) <= 88
    assert rows[0].startswith("   • word")
    assert all(row.startswith("     word") for row in rows[1:])


def test_demo_passwords_are_made_once_and_kept_for_their_owner_alone(tmp_path: Path) -> None:
    first = ensure_accounts(tmp_path)
    assert ensure_accounts(tmp_path) == first
    assert (tmp_path / "demo-accounts.json").stat().st_mode & 0o777 == 0o600
    assert len({account.password for account in first.values()}) == 6
    assert {account.role for account in first.values()} == {"pharmacist", "supervisor", "auditor", "admin"}
    assert new_password() != new_password()


def test_missing_or_damaged_accounts_are_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(AccountsMissing, match="is missing"):
        read_accounts(tmp_path)
    (tmp_path / "demo-accounts.json").write_text("{")
    with pytest.raises(AccountsMissing, match="is damaged"):
        read_accounts(tmp_path)
