"""The knowledge API: who may read, what comes, when nothing changed, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dermatech.core import releases
from triage import selectors
from triage.models import GuidelineRelease

BASE = "/api/v1/triage"
DOCUMENTS = ("guidelines", "conditions", "findings")


@pytest.fixture
def published(db: None, snapshot: dict[str, Any]) -> None:
    """The starter content as the active release; what it was made of is of no concern here."""
    releases.publish(GuidelineRelease, snapshot=snapshot, title="Starter content, not reviewed")


@pytest.fixture
def ama_api(published: None, as_user: Callable[[Any], Any], ama: Any) -> Any:
    return as_user(ama)


@pytest.mark.parametrize("path", [*DOCUMENTS])
def test_a_stranger_reads_nothing(api: Any, db: None, path: str) -> None:
    assert api.get(f"{BASE}/{path}").status_code == 401


def test_a_stranger_assesses_nothing(api: Any, db: None) -> None:
    assert api.post(f"{BASE}/assess", {"facts": {}}, format="json").status_code == 401


@pytest.mark.parametrize("who", ["kofi", "yaw", "efua", "adjoa"])
def test_everybody_who_is_signed_in_may_read(
    published: None, as_user: Callable[[Any], Any], request: pytest.FixtureRequest, who: str
) -> None:
    client = as_user(request.getfixturevalue(who))
    assert client.get(f"{BASE}/guidelines").status_code == 200
    assert client.post(f"{BASE}/assess", {"facts": {"fever": True}}, format="json").status_code == 200


@pytest.mark.parametrize(("path", "count"), [("guidelines", 67), ("conditions", 46), ("findings", 89)])
def test_each_document_holds_everything_and_says_that_nobody_reviewed_it(
    ama_api: Any, path: str, count: int
) -> None:
    answer = ama_api.get(f"{BASE}/{path}")
    document = answer.json()
    assert answer.status_code == 200
    assert len(document["results"]) == count
    assert document["review_state"] == "starter_unreviewed"
    assert document["release"] == selectors.current_release().label
    assert answer.headers["ETag"] == f'"{document["release"]}"'


@pytest.mark.parametrize("path", DOCUMENTS)
def test_who_holds_the_release_already_is_told_so(ama_api: Any, path: str) -> None:
    etag = ama_api.get(f"{BASE}/{path}").headers["ETag"]
    again = ama_api.get(f"{BASE}/{path}", HTTP_IF_NONE_MATCH=etag)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == etag
    assert ama_api.get(f"{BASE}/{path}", HTTP_IF_NONE_MATCH='"old"').status_code == 200


def test_rules_come_worst_first_in_plain_words_and_as_jsonlogic(ama_api: Any) -> None:
    rules = ama_api.get(f"{BASE}/guidelines").json()["results"]
    assert rules[0]["id"] == "em-anaphylaxis"
    assert rules[-1]["id"] == "sc-self-limiting"
    mpox = next(rule for rule in rules if rule["id"] == "ur-mpox-contact")
    assert mpox["plain_words"]["when"] == "There was mpox contact or travel in the last 21 days"
    assert mpox["plain_words"]["unless"].startswith("Diagnosis is ")
    assert mpox["jsonlogic"]["and"][0] == {"==": [{"var": "travel_or_contact_mpox"}, True]}
    assert mpox["notify"].startswith("mpox - district disease surveillance officer")
    assert mpox["confidence"] == "partial"
    assert mpox["sources"][0]["id"] == "gh-mpox-2025"


@pytest.mark.parametrize("path", DOCUMENTS)
def test_each_document_is_a_list_like_any_other(ama_api: Any, path: str) -> None:
    document = ama_api.get(f"{BASE}/{path}").json()
    assert (document["next"], document["previous"]) == (None, None)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_phone_that_was_here_after_the_release_gets_nothing_new(ama_api: Any, path: str) -> None:
    def since(moment: str) -> Any:
        return ama_api.get(f"{BASE}/{path}", {"updated_since": moment})

    assert since("2020-01-01T00:00:00Z").json()["results"]
    assert since("2999-01-01T00:00:00Z").json()["results"] == []
    assert since("yesterday").status_code == 400


def test_an_unknown_query_parameter_is_refused(ama_api: Any) -> None:
    answer = ama_api.get(f"{BASE}/guidelines?page=2")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "unknown_parameter"


def test_before_anything_is_published_the_answer_is_503(as_user: Callable[[Any], Any], ama: Any) -> None:
    answer = as_user(ama).get(f"{BASE}/guidelines")
    assert (answer.status_code, answer.json()["code"]) == (503, "no_published_guidelines")
    assert answer.headers["Retry-After"]


# --- Assess -----------------------------------------------------------------------------------------
def assess(client: Any, body: Any) -> Any:
    return client.post(f"{BASE}/assess", body, format="json")


def test_facts_in_triage_out(ama_api: Any) -> None:
    answer = assess(ama_api, {"facts": {"difficulty_breathing": True}})
    triage = answer.json()
    assert answer.status_code == 200
    assert (triage["level"], triage["timeframe"], triage["provisional"]) == ("emergency", "now", False)
    assert triage["rules"][0]["id"] == "em-anaphylaxis"
    assert triage["rules"][0]["because"] == ["Breathing is difficult"]
    assert triage["review_state"] == "starter_unreviewed"


def test_facts_may_be_the_body_itself(ama_api: Any) -> None:
    facts = {"fever": True, "condition": "impetigo"}
    assert assess(ama_api, facts).json() == assess(ama_api, {"facts": facts}).json()


def test_a_confirmed_diagnosis_and_plausible_ones(ama_api: Any) -> None:
    facts = {"age_months": 300, "duration_days": 2}
    confirmed = assess(ama_api, {"facts": {**facts, "condition": "tinea-corporis"}}).json()
    plausible = assess(ama_api, {"facts": facts, "plausible": ["tinea-corporis", "mpox"]}).json()
    assert confirmed["level"] == "pharmacy_treatment"
    assert plausible["level"] == "refer_urgent"
    assert "if it is Mpox" in plausible["rules"][0]["because"][0]


def test_nothing_known_is_refer_routine_and_asks(ama_api: Any) -> None:
    triage = assess(ama_api, {"facts": {}}).json()
    assert (triage["level"], triage["rules"], triage["provisional"]) == ("refer_routine", [], True)
    assert triage["ask"][0]["could_raise_to"] == "emergency"


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"facts": {"fever": "yes"}}, "facts.fever", "invalid"),
        ({"facts": {"age_months": "84"}}, "facts.age_months", "invalid"),
        ({"facts": {"pain_score": 99}}, "facts.pain_score", "out_of_range"),
        ({"facts": {"fevr": True}}, "facts.fevr", "unknown_fact"),
        ({"facts": {"condition": "unicorn"}}, "facts.condition", "unknown_condition"),
        ({"facts": {"body_sites": ["moon"]}}, "facts.body_sites", "invalid_choice"),
        ({"facts": []}, "facts", "invalid"),
        ({"facts": {}, "mood": "good"}, "mood", "unknown_field"),
        ({"fevr": True}, "fevr", "unknown_fact"),
        ({"facts": {}, "plausible": ["unicorn"]}, "plausible.0", "unknown_condition"),
        ({"facts": {}, "plausible": "scabies"}, "plausible", "invalid"),
        ({"facts": {}, "plausible": ["scabies"] * 30}, "plausible", "invalid"),
        ([1, 2], "facts", "invalid"),
    ],
)
def test_a_wrong_body_is_refused_and_the_field_named(ama_api: Any, body: Any, field: str, code: str) -> None:
    answer = assess(ama_api, body)
    assert answer.status_code == 400, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(field, code)]


def test_a_number_that_is_none_is_refused(ama_api: Any) -> None:
    answer = ama_api.post(
        f"{BASE}/assess", '{"facts": {"temperature_c": NaN}}', content_type="application/json"
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("method", "path"), [("post", "guidelines"), ("get", "assess"), ("delete", "findings")]
)
def test_other_methods_are_refused(ama_api: Any, method: str, path: str) -> None:
    assert getattr(ama_api, method)(f"{BASE}/{path}").status_code == 405


def test_assessing_stores_nothing(ama_api: Any) -> None:

    assess(ama_api, {"facts": {"fever": True}})
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assess(ama_api, {"facts": {"fever": True}})
    assert all(
        query["sql"].lstrip().upper().startswith(("SELECT", "SAVEPOINT", "RELEASE")) for query in queries
    )
    # The active release is one query; its content is cached by hash.
    assert sum("triage_guidelinerelease" in query["sql"] for query in queries) == 1
