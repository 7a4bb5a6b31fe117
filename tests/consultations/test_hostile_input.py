"""Whatever is sent: a clear refusal, or stored and returned to the letter. Never a crash."""

import json
from typing import Any

import pytest

from consultations.models import Consultation
from tests.consultations.cases import CONSULTATIONS, SKIN, ringworm, upload

pytestmark = pytest.mark.django_db

NAUGHTY = [
    "'; DROP TABLE consultations_consultation; --",
    "<script>alert(1)</script>",
    "{{7*7}} ${7*7} %s %n {0}",
    "../../../../etc/passwd",
    "Ǎma Ɛsi Ŋmɛ ɖeka ŋutɔ",
    "اَلْعَرَبِيَّةُ עברית \u202eevil",
    "👩🏿‍⚕️🇬🇭 zero\u200bwidth",
    "=cmd|' /C calc'!A0",
    "Line one\nline two\r\n\ttabbed",
    " spaces around ",
    "null",
    "NaN",
    "true",
    "0x7f",
    "\uff11\uff12\uff13",
    "\\\\server\\share",
    "\"quoted\" 'and' `ticked`",
    "a" * 4900,
]


def test_strange_notes_and_allergies_are_kept_to_the_letter(as_ama: Any) -> None:
    allergies = [text for text in NAUGHTY if len(text) <= 100 and text == text.strip()]
    for text in NAUGHTY:
        sent = ringworm(notes=text, patient={"allergies": allergies})
        body = as_ama.post(CONSULTATIONS, sent, format="json").json()
        again = as_ama.get(f"{CONSULTATIONS}/{body['id']}").json()

        assert body["notes"] == again["notes"] == text
        assert body["patient"]["allergies"] == again["patient"]["allergies"] == allergies


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"patient": None}, "patient", "null"),
        ({"patient": []}, "patient", "invalid"),
        ({"patient": {"age_months": "84"}}, "patient.age_months", "invalid"),
        ({"patient": {"age_months": 84.5}}, "patient.age_months", "invalid"),
        ({"patient": {"age_months": True}}, "patient.age_months", "invalid"),
        ({"patient": {"age_months": -1}}, "patient.age_months", "min_value"),
        ({"patient": {"age_months": 10**30}}, "patient.age_months", "max_value"),
        ({"patient": {"sex": "both"}}, "patient.sex", "invalid_choice"),
        ({"patient": {"sex": ["female"]}}, "patient.sex", "invalid_choice"),
        ({"patient": {"weight_kg": "22"}}, "patient.weight_kg", "invalid"),
        ({"patient": {"weight_kg": 0}}, "patient.weight_kg", "out_of_range"),
        ({"patient": {"weight_kg": 9000}}, "patient.weight_kg", "out_of_range"),
        ({"patient": {"weight_kg": 10**400}}, "patient.weight_kg", "out_of_range"),
        ({"patient": {"pregnant": "no"}}, "patient.pregnant", "invalid"),
        ({"patient": {"pregnant": 0}}, "patient.pregnant", "invalid"),
        ({"patient": {"allergies": "penicillins"}}, "patient.allergies", "not_a_list"),
        ({"patient": {"allergies": [7]}}, "patient.allergies.0", "invalid"),
        ({"patient": {"allergies": ["x" * 101]}}, "patient.allergies.0", "max_length"),
        ({"patient": {"allergies": ["x"] * 51}}, "patient.allergies", "max_length"),
        ({"patient": {"initials": "far too long"}}, "patient.initials", "max_length"),
        ({"patient": {"name": "Abena"}}, "patient.name", "unknown_field"),
        ({"consent": {"photo": "yes"}}, "consent.photo", "invalid"),
        ({"consent": {"given_by": "aunt"}}, "consent.given_by", "invalid_choice"),
        ({"consent": {"language": "not a language!"}}, "consent.language", "invalid"),
        ({"presentation": "spots"}, "presentation", "invalid_choice"),
        ({"presentation": {}}, "presentation", "invalid_choice"),
        ({"facts": ["fever"]}, "facts", "invalid"),
        ({"facts": {"fever": "yes"}}, "facts.fever", None),
        ({"facts": {"fever": 1}}, "facts.fever", None),
        ({"facts": {"duration_days": "14"}}, "facts.duration_days", None),
        ({"facts": {"duration_days": -5}}, "facts.duration_days", None),
        ({"facts": {"body_sites": "trunk"}}, "facts.body_sites", None),
        ({"facts": {"body_sites": ["moon"]}}, "facts.body_sites", None),
        ({"facts": {"star_sign": "leo"}}, "facts.star_sign", None),
        ({"findings": "ring_shaped"}, "findings", "invalid"),
        ({"findings": {"present": ["green_aura"]}}, "findings.present", None),
        ({"findings": {"present": "ring_shaped"}}, "findings.present", None),
        ({"findings": {"present": [3]}}, "findings.present", None),
        ({"findings": {"maybe": []}}, "findings.maybe", "unknown_field"),
        ({"findings": {"present": ["fever"], "absent": ["fever"]}}, "findings.absent", None),
        ({"notes": "x" * 5001}, "notes", "max_length"),
        ({"notes": "bell \x07"}, "notes", "control"),
        ({"notes": 5}, "notes", "invalid"),
        ({"working_diagnosis": "hexed"}, "working_diagnosis", "unknown_condition"),
        ({"client_reference": "x" * 101}, "client_reference", "max_length"),
        ({"outcome": "cured by magic"}, "outcome.result", "invalid_choice"),
        ({"decision": "supply"}, "decision", "invalid"),
        ({"colour": "red"}, "colour", "unknown_field"),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else str(value),
)
def test_a_wrong_field_is_named(as_ama: Any, change: dict[str, Any], field: str, code: str | None) -> None:
    answer = as_ama.post(CONSULTATIONS, ringworm(**change), format="json")

    assert answer.status_code == 400, answer.json()
    assert answer.json()["code"] == "validation_failed"
    errors = {error["field"]: error["code"] for error in answer.json()["errors"]}
    assert field in errors, errors
    if code:
        assert errors[field] == code
    assert not Consultation.objects.exists()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"patient": {"weight_kg": NaN}}',
        b'{"patient": {"weight_kg": Infinity}}',
        b'{"patient": {"weight_kg": 1e400}}',
        b'{"facts": {"temperature_c": 1e400}, "patient": {}}',
        b'{"patient": {"age_months": 1e3000}}',
        b'{"patient": {}, "patient": {}}',
        b'{"patient": {}, "notes": "\xff\xfe"}',
        b'{"patient": {}, "notes": "\\ud800"}',
        b'{"patient": {}, "notes": "\\u0000"}',
        b'{"patient": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"patient": {"age_months": ' + b"9" * 5000 + b"}}",
    ],
    ids=range(16),
)
def test_a_body_that_is_no_sound_json_is_refused(as_ama: Any, raw: bytes) -> None:
    answer = as_ama.generic("POST", CONSULTATIONS, raw, content_type="application/json")

    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"


def test_wrong_fields_inside_the_part_data_are_named_with_it(as_ama: Any) -> None:
    body = ringworm(facts={"fever": "yes"}, patient={"age_months": "x"})

    shape = as_ama.post(CONSULTATIONS, {"data": json.dumps(body)}, format="multipart").json()
    meaning = as_ama.post(
        CONSULTATIONS, {"data": json.dumps(ringworm(facts={"fever": "yes"}))}, format="multipart"
    ).json()

    assert [error["field"] for error in shape["errors"]] == ["data.patient.age_months"]
    assert [error["field"] for error in meaning["errors"]] == ["data.facts.fever"]


@pytest.mark.parametrize(
    ("parts", "field", "code"),
    [
        ({"data": "{not json"}, "data", "malformed"),
        ({"data": ["{}", "{}"]}, "data", "repeated"),
        ({"data": "{}", "notes": "x"}, "notes", "unknown_field"),
        ({"patient.age_months": ["1", "2"]}, "patient.age_months", "repeated"),
        ({"patient.age_months": "many"}, "patient.age_months", "invalid"),
        ({"patient.shoe_size": "42", "patient.sex": "male"}, "patient.shoe_size", "unknown_field"),
        ({"findings": "ring_shaped", "findings.absent": "fever"}, "findings.absent", "ambiguous"),
        ({"consultation": "1"}, "consultation", "unknown_field"),
    ],
)
def test_odd_multipart_bodies_are_refused_with_the_part_named(
    as_ama: Any, parts: dict[str, Any], field: str, code: str
) -> None:
    answer = as_ama.post(CONSULTATIONS, parts, format="multipart")

    assert answer.status_code == 400, answer.json()
    assert {"field": field, "code": code} in [
        {"field": error["field"], "code": error["code"]} for error in answer.json()["errors"]
    ]


def test_a_file_under_another_name_is_refused(as_ama: Any) -> None:
    answer = as_ama.post(CONSULTATIONS, {"patient.age_months": "84", "photo": upload()}, format="multipart")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "photo"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_other_kinds_of_content_are_refused(as_ama: Any, kind: str) -> None:
    answer = as_ama.generic("POST", CONSULTATIONS, b"patient=1", content_type=kind)

    assert answer.status_code == 415


@pytest.mark.parametrize("value", ["", "42", "not-an-id", "0199e2b4"])
def test_an_analysis_for_something_that_is_no_id_is_refused(as_ama: Any, value: str) -> None:
    as_json = as_ama.post(SKIN, {"consultation": value, "image": value}, format="json")
    as_form = as_ama.post(SKIN, {"consultation": value, "image": upload()}, format="multipart")

    assert as_json.status_code == as_form.status_code == 400


def test_a_body_that_is_cut_off_is_a_clean_error(as_ama: Any) -> None:
    cut = b'--x\r\nContent-Disposition: form-data; name="data"\r\n\r\n{"patient"'

    answer = as_ama.generic("POST", CONSULTATIONS, cut, content_type="multipart/form-data; boundary=x")

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
