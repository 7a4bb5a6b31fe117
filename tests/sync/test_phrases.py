"""Fixed sentences of safety in the languages of Ghana; what is not translated says that it is English."""

import json
from importlib import resources
from typing import Any

import pytest

from consultations.documents.netting import signs
from consultations.services.results import DISCLAIMER
from dermatech.sync import phrases
from triage.engine.levels import Level

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
URL = "/api/v1/sync/phrases"


@pytest.fixture
def phone(as_user: Any, ama: Any) -> Any:
    return as_user(ama)


def ask(phone: Any, languages: str | None) -> Any:
    return phone.get(URL, **({} if languages is None else {"HTTP_ACCEPT_LANGUAGE": languages}))


def test_the_sentences_are_the_levels_the_danger_signs_and_who_decides() -> None:
    english = phrases.english()
    assert {f"level.{level}" for level in Level} < set(english)
    assert {sign.text for sign in signs()} < set(english.values())
    assert english["disclaimer"] == DISCLAIMER
    assert len([name for name in english if name.startswith("sign.")]) == len(signs())


@pytest.mark.parametrize("language", phrases.LANGUAGES)
def test_every_catalogue_is_sound_and_every_translation_says_who_answers_for_it(language: str) -> None:
    file = json.loads(resources.files(phrases.__name__).joinpath(f"{language}.json").read_text("utf-8"))
    assert file["language"] == language
    assert set(file["phrases"]) <= set(phrases.english())
    assert set(phrases.translations(language)) == set(file["phrases"]), "the English has changed since"
    for row in file["phrases"].values():
        assert row["text"].strip() == row["text"] != row["english"]
        assert row["review_state"] == "starter_unreviewed" or row["reviewed_by"]


WANTED: list[tuple[str | None, str]] = [
    (None, "en"),
    ("", "en"),
    ("ha", "ha"),
    ("HA-GH", "ha"),
    ("fr, tw;q=0.8, en;q=0.9", "en"),
    ("fr, tw;q=0.9, en;q=0.8", "tw"),
    ("ak", "tw"),
    ("ee;q=0, ha;q=0.1", "ha"),
    ("gaa", "gaa"),
    ("fat, *", "en"),
    ("q=1;;;,,,ha;q=9, \x7f", "en"),
    ("x" * 3000, "en"),
]


def test_the_first_language_of_the_phone_that_is_ours_is_chosen(phone: Any) -> None:
    for header, language in WANTED:
        answer = ask(phone, header)
        assert answer.status_code == 200
        assert answer.json()["language"] == language, header
        assert "Accept-Language" in answer["Vary"]


def test_what_is_not_translated_is_english_and_declared(phone: Any) -> None:
    answer = ask(phone, "ha")
    body = answer.json()
    by_id = {row["id"]: row for row in body["phrases"]}
    assert answer["Content-Language"] == "ha, en"
    assert body["fallback"]
    assert 0 < body["translated"] < len(body["phrases"]) == len(phrases.english())
    assert body["reviewed"] == 0
    assert by_id["level.emergency"] == {
        "id": "level.emergency",
        "text": "Ku je asibiti yanzu.",
        "language": "ha",
        "english": "Go to a hospital now.",
        "review_state": "starter_unreviewed",
    }
    assert by_id["ambulance"]["language"] == "en"


def test_a_language_without_any_translation_is_declared_too(phone: Any) -> None:
    answer = ask(phone, "dag")
    assert answer["Content-Language"] == "en"
    assert (answer.json()["language"], answer.json()["translated"]) == ("dag", 0)
    assert answer.json()["fallback"]
    english = ask(phone, "en")
    assert english["Content-Language"] == "en"
    assert not english.json()["fallback"]


def test_a_translation_of_another_sentence_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    stale = {"level.emergency": {"english": "Go home.", "text": "x", "review_state": "reviewed"}}
    monkeypatch.setattr(phrases, "_file", lambda language: {"phrases": stale})
    assert phrases.translations.__wrapped__("ha") == {}


def test_the_same_sentences_answer_304(phone: Any) -> None:
    first = ask(phone, "tw")
    again = phone.get(URL, HTTP_ACCEPT_LANGUAGE="tw", HTTP_IF_NONE_MATCH=first["ETag"])
    assert again.status_code == 304
    assert phone.get(URL, HTTP_ACCEPT_LANGUAGE="ha", HTTP_IF_NONE_MATCH=first["ETag"]).status_code == 200


@pytest.mark.usefixtures("starter_knowledge")
def test_a_phone_has_them_offline_and_every_answer_names_its_language(phone: Any) -> None:
    bundle = phone.get("/api/v1/sync/bundle", HTTP_ACCEPT_LANGUAGE="tw")
    texts = bundle.json()["texts"]
    assert bundle["Content-Language"] == "en"
    assert texts["phrases"]["level.emergency"] == "Go to a hospital now."
    assert [row["language"] for row in texts["translations"]] == list(phrases.LANGUAGES)
    assert texts["translations"][3]["phrases"][0]["review_state"] == "starter_unreviewed"
    refused = phone.get("/api/v1/consultations?colour=red", HTTP_ACCEPT_LANGUAGE="tw")
    assert (refused.status_code, refused["Content-Language"]) == (400, "en")
