"""Who may do what: a table of (method, path, person) and the status that comes of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from consultations.models import Analysis
from consultations.services.worker import run_analysis
from tests.consultations.cases import CONSULTATIONS, NOBODY, SKIN, ringworm, upload

pytestmark = pytest.mark.django_db

PEOPLE = ("ama", "kofi", "esi", "yaw", "efua", "adjoa", "anonymous")
#                                  Ama  Kofi  Esi  Yaw Efua Adjoa nobody
TABLE: dict[tuple[str, str], tuple[int, ...]] = {
    ("GET", "consultations"):      (200, 200, 200, 200, 403, 200, 401),
    ("POST", "consultations"):     (201, 201, 201, 403, 403, 403, 401),
    ("GET", "consultation"):       (200, 200, 404, 200, 403, 200, 401),
    ("PUT", "consultation"):       (200, 200, 404, 403, 403, 403, 401),
    ("PATCH", "consultation"):     (200, 200, 404, 403, 403, 403, 401),
    # the same photo again is the one that is there
    ("POST", "images"):            (201, 200, 404, 403, 403, 403, 401),
    ("GET", "image"):              (200, 200, 404, 200, 403, 200, 401),
    ("POST", "skin"):              (202, 202, 404, 403, 403, 403, 401),
    ("GET", "analysis"):           (200, 200, 404, 200, 403, 200, 401),
    ("GET", "heatmap"):            (404, 404, 404, 404, 403, 404, 401),
    # nothing is decided yet
    ("GET", "leaflet"):            (409, 409, 404, 409, 403, 409, 401),
    ("GET", "referral-letter"):    (409, 409, 404, 409, 403, 409, 401),
    ("GET", "fhir"):               (200, 200, 404, 200, 403, 200, 401),
    ("DELETE", "consultation"):    (405, 405, 405, 405, 405, 405, 401),
    ("DELETE", "image"):           (405, 405, 405, 405, 405, 405, 401),
    ("PUT", "analysis"):           (405, 405, 405, 405, 405, 405, 401),
}  # fmt: skip


@pytest.fixture
def paths(photographed: dict[str, Any]) -> dict[str, str]:
    """The addresses of Ama's consultation with its photo and analysis."""
    run_analysis(Analysis.objects.get().pk)
    case = f"{CONSULTATIONS}/{photographed['id']}"
    return {
        "consultations": CONSULTATIONS,
        "consultation": case,
        "images": f"{case}/images",
        "image": photographed["images"][0]["url"],
        "leaflet": f"{case}/leaflet",
        "referral-letter": f"{case}/referral-letter",
        "fhir": f"{case}/fhir",
        "skin": SKIN,
        "analysis": f"/api/v1/analysis/{photographed['analysis']['id']}",
        "heatmap": f"/api/v1/analysis/{photographed['analysis']['id']}/heatmap",
    }


def ask(client: Any, method: str, name: str, path: str, photographed: dict[str, Any]) -> Any:
    if (method, name) == ("POST", "images"):
        return client.post(path, {"image": upload(seed=9)}, format="multipart")
    bodies: dict[tuple[str, str], Any] = {
        ("POST", "consultations"): ringworm(),
        ("PUT", "consultation"): ringworm(),
        ("PATCH", "consultation"): {"facts": {"itch_score": 7}},
        ("POST", "skin"): {"consultation": photographed["id"], "image": photographed["images"][0]["id"]},
    }
    return client.generic(
        method, path, json.dumps(bodies.get((method, name), {})), content_type="application/json"
    )


@pytest.mark.parametrize(("method", "name"), TABLE)
def test_everybody_gets_what_the_table_says(
    method: str,
    name: str,
    paths: dict[str, str],
    photographed: dict[str, Any],
    request: pytest.FixtureRequest,
    as_user: Callable[[Any], Any],
    api: Any,
) -> None:
    got = {}
    for person in PEOPLE:
        client = api if person == "anonymous" else as_user(request.getfixturevalue(person))
        answer = ask(client, method, name, paths[name], photographed)
        got[person] = answer.status_code
        if answer.status_code >= 400:
            assert answer["Content-Type"] == "application/problem+json"
    assert got == dict(zip(PEOPLE, TABLE[method, name], strict=True))


def test_every_address_of_this_app_stands_in_the_table() -> None:
    from consultations.urls import urlpatterns

    names = {
        "consultation-images": "images",
        "consultation-image": "image",
        "consultation-leaflet": "leaflet",
        "consultation-referral-letter": "referral-letter",
        "consultation-fhir": "fhir",
        "analysis-skin": "skin",
        "analysis-heatmap": "heatmap",
    }
    listed = {name for _, name in TABLE}
    begun_by_one_person = {"uploads", "upload"}  # nobody else reaches them: tests/consultations/uploads
    addressed = {names.get(str(each.name), str(each.name)) for each in urlpatterns}
    assert addressed - begun_by_one_person == listed


@pytest.mark.parametrize(
    "path",
    [
        "consultations/{case}",
        "consultations/{case}/images/{image}",
        "consultations/{case}/leaflet",
        "consultations/{case}/referral-letter",
        "consultations/{case}/fhir",
        "analysis/{analysis}",
        "analysis/{analysis}/heatmap",
    ],
)
def test_a_strangers_record_and_none_at_all_are_answered_with_the_same_bytes(
    path: str, photographed: dict[str, Any], esi: Any, as_user: Any
) -> None:
    client = as_user(esi)
    client.credentials(**client._credentials, HTTP_X_REQUEST_ID="same-request")
    ids = {
        "case": photographed["id"],
        "image": photographed["images"][0]["id"],
        "analysis": photographed["analysis"]["id"],
    }

    strangers = client.get("/api/v1/" + path.format(**ids))
    none = client.get("/api/v1/" + path.format(case=NOBODY, image=NOBODY, analysis=NOBODY))

    assert strangers.status_code == none.status_code == 404
    assert strangers.content == none.content
    assert {name: strangers[name] for name in strangers.headers} == {
        name: none[name] for name in none.headers
    }


def test_a_stranger_learns_nothing_from_a_wrong_body(opened: dict[str, Any], esi: Any, as_user: Any) -> None:
    client = as_user(esi)

    for method in (client.patch, client.put):
        answer = method(f"{CONSULTATIONS}/{opened['id']}", {"nonsense": 1}, format="json")
        assert answer.status_code == 404


def test_an_analysis_of_a_strangers_photo_is_not_found(
    photographed: dict[str, Any], esi: Any, as_user: Any
) -> None:
    body = {"consultation": photographed["id"], "image": photographed["images"][0]["id"]}

    assert as_user(esi).post(SKIN, body, format="json").status_code == 404
    assert (
        as_user(esi)
        .post(SKIN, {"consultation": photographed["id"], "image": upload()}, format="multipart")
        .status_code
        == 404
    )


def test_the_list_holds_the_own_premises_only(
    opened: dict[str, Any], kofi: Any, esi: Any, yaw: Any, as_user: Any
) -> None:
    def ids(person: Any) -> list[str]:
        return [row["id"] for row in as_user(person).get(CONSULTATIONS).json()["results"]]

    assert ids(kofi) == [opened["id"]]
    assert ids(yaw) == [opened["id"]]
    assert ids(esi) == []


def test_who_moves_to_other_premises_leaves_their_patients_behind(
    opened: dict[str, Any], ama: Any, esi: Any, as_ama: Any
) -> None:
    ama.premises = esi.premises
    ama.save()

    assert as_ama.get(f"{CONSULTATIONS}/{opened['id']}").status_code == 404


def test_an_address_that_is_no_id_is_a_problem_document(as_ama: Any) -> None:
    for path in ("consultations/42", "consultations/nothing/images", "analysis/42", "analysis/skin/heatmap"):
        answer = as_ama.get(f"/api/v1/{path}")
        assert answer.status_code == 404, path
        assert answer["Content-Type"] == "application/problem+json"


def test_being_turned_away_is_recorded(yaw: Any, as_user: Any, knowledge: None, events: Any) -> None:
    client = as_user(yaw)
    events()

    client.post(CONSULTATIONS, ringworm(), format="json")
    client.get(f"{CONSULTATIONS}/{NOBODY}")

    assert events() == ["access.denied", "access.denied"]
