"""What the rule builder and the test cases ask the server, and what they are told."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from triage.admin.examining import examine, faults
from triage.engine.criteria import MAX_DEPTH, parse_criteria
from triage.engine.vocabulary import FACTS
from triage.engine.words import describe
from triage.models import Condition, Guideline, Vignette

pytestmark = [pytest.mark.django_db, pytest.mark.one_database, pytest.mark.usefixtures("starter_knowledge")]
FEVER = {"fact": "fever", "op": "eq", "value": True}
HOT = {"fact": "temperature_c", "op": "gte", "value": 38.5}
SMALL = {"fact": "age_months", "op": "lt", "value": 3}


@pytest.fixture
def site(yaw: Any) -> Client:
    client = Client()
    client.force_login(yaw)
    return client


def ask(client: Client, name: str, body: Any) -> Any:
    return client.post(reverse(name), json.dumps(body), content_type="application/json")


def tried(facts: dict[str, Any], *, when: Any, unless: Any = None) -> dict[str, Any]:
    return dict(examine({"parts": {"when": when, "unless": unless}, "facts": facts})["verdict"])


# --- The rule builder -------------------------------------------------------------------------------
def test_the_builder_knows_every_fact_and_every_id(site: Client) -> None:
    words = site.get(reverse("admin:triage_guideline_vocabulary")).json()
    assert [fact["name"] for fact in words["facts"]] == list(FACTS)
    assert ["scabies", "Scabies"] in words["codes"]["condition"]
    temperature = next(fact for fact in words["facts"] if fact["name"] == "temperature_c")
    assert (temperature["low"], temperature["high"], temperature["unit"]) == (25, 45, "°C")


def test_the_words_are_those_of_the_engine() -> None:
    names = dict(Condition.objects.values_list("code", "name"))
    for rule in Guideline.objects.all():
        lines = examine({"parts": {"when": rule.when}})["words"]["when"]
        said = "\n".join("  " * line["indent"] + line["text"] for line in lines)
        assert said.lower() == describe(parse_criteria(rule.when), names).lower(), rule.code


def test_every_mistake_is_named_with_its_place_and_the_rest_is_said_in_words() -> None:
    raw = {
        "all": [
            FEVER,
            {"fact": "fevr", "op": "eq", "value": True},
            {
                "any": [
                    {"fact": "pain_score", "op": "gte", "value": 70},
                    {"fact": "fever", "op": "gt", "value": 1},
                ]
            },
            {"not": {"all": []}},
        ]
    }
    found = examine({"parts": {"when": raw}, "facts": {"fever": True}})
    assert {error["path"]: error["message"] for error in found["errors"]} == {
        "when.all[1].fact": "There is no fact 'fevr'.",
        "when.all[2].any[0].value": "pain_score lies between 0 and 10 of 10.",
        "when.all[2].any[1].op": "fever takes: eq, ne, is_unknown.",
        "when.all[3].not.all": "Must be a list with at least one part.",
    }
    assert [line["text"] for line in found["words"]["when"]] == ["All of these:", "There is fever"]
    assert found["verdict"] is None


def test_a_rule_that_is_nested_too_deep_is_refused_and_not_followed() -> None:
    raw: Any = FEVER
    for _ in range(5_000):
        raw = {"not": raw}
    assert [wrong.message for wrong in faults(raw, "when", ())] == [f"Nested deeper than {MAX_DEPTH} levels."]


@pytest.mark.parametrize(
    ("facts", "state", "because", "missing"),
    [
        ({"fever": True, "age_months": 40}, "fires", ["There is fever"], []),
        ({"fever": True}, "fires", ["There is fever"], ["age_months"]),
        ({"fever": True, "age_months": 1}, "silent", ["Age is 1 month (less than 3 months counts here)"], []),
        ({"fever": False}, "unknown", [], ["temperature_c"]),
        ({"fever": False, "temperature_c": 37}, "silent",
         ["There is no fever", "Temperature is 37 °C (38.5 °C or more counts here)"], []),
        ({}, "unknown", [], ["fever", "temperature_c"]),
    ],
)  # fmt: skip
def test_trying_a_rule_says_what_decided_and_what_is_missing(
    facts: dict[str, Any], state: str, because: list[str], missing: list[str]
) -> None:
    verdict = tried(facts, when={"any": [FEVER, HOT]}, unless=SMALL)
    assert verdict["state"] == state
    assert verdict["because"] == because
    assert [each["fact"] for each in verdict["missing"]] == missing


def test_each_part_is_marked_with_its_answer() -> None:
    verdict = tried({"fever": False}, when={"all": [{"not": FEVER}, HOT]})
    assert verdict["nodes"] == {
        "when": None, "when.all[0]": True, "when.all[0].not": False, "when.all[1]": None,
    }  # fmt: skip


def test_a_fact_of_the_trial_that_cannot_be_read_is_named() -> None:
    verdict = tried({"temperature_c": 370}, when=HOT)
    assert verdict["fact_errors"] == {"temperature_c": "Must lie between 25 and 45 °C."}


@pytest.mark.parametrize("body", ["[", "[]", "[" * 100_000, "\xff"])
def test_what_is_no_question_is_refused(site: Client, body: str) -> None:
    address = reverse("admin:triage_guideline_examine")
    assert site.post(address, body, content_type="application/json").status_code == 400
    assert site.get(address).status_code == 405


def test_an_auditor_may_look_and_ask_and_a_pharmacist_may_not(efua: Any, ama: Any) -> None:
    auditor, pharmacist = Client(), Client()
    auditor.force_login(efua)
    pharmacist.force_login(ama)
    assert ask(auditor, "admin:triage_guideline_examine", {}).status_code == 200
    for address in ("guideline_vocabulary", "guideline_examine", "vignette_run", "conditionprofile_as_grid"):
        assert ask(pharmacist, f"admin:triage_{address}", {}).status_code == 302


def test_without_a_script_the_rule_stays_a_text_area_with_its_words(site: Client) -> None:
    rule = Guideline.objects.get(code="em-anaphylaxis")
    page = site.get(reverse("admin:triage_guideline_change", args=[rule.pk])).content.decode()
    assert 'name="when"' in page
    assert "<textarea" in page
    assert "Breathing is difficult" in page
    assert "needs JavaScript" in page


# --- Test cases -------------------------------------------------------------------------------------
def _case(code: str, **changes: Any) -> dict[str, Any]:
    row = Vignette.objects.get(code=code)
    names = (
        "kind", "facts", "findings_present", "findings_absent", "expected_level", "expected_rules",
        "expected_first", "acceptable", "must_not_miss", "expected_abstain",
    )  # fmt: skip
    return {**{name: getattr(row, name) for name in names}, **changes}


def test_a_case_is_run_against_the_rules_as_they_stand(site: Client) -> None:
    found = ask(site, "admin:triage_vignette_run", _case("v01")).json()
    assert (found["agrees"], found["level"]) == (True, "emergency")
    Guideline.objects.filter(code="em-anaphylaxis").update(level="self_care")
    found = ask(site, "admin:triage_vignette_run", _case("v01")).json()
    assert not found["agrees"]
    assert found["problems"][0].startswith("Expected emergency, the rules say")


def test_a_ranking_is_shown_best_first(site: Client) -> None:
    found = ask(site, "admin:triage_vignette_run", _case("d01")).json()
    assert found["agrees"]
    assert found["ranking"][0]["name"] == "Tinea corporis"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"facts": {"fever": "yes"}}, "facts.fever: Must be true or false"),
        ({"findings_present": ["antlers"]}, "There is no finding 'antlers'."),
    ],
)
def test_a_case_that_cannot_be_run_says_why(site: Client, changes: dict[str, Any], said: str) -> None:
    assert said in ask(site, "admin:triage_vignette_run", _case("d01", **changes)).json()["message"]
