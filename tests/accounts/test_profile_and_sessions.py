"""One's own profile and the devices one is signed in on."""

import uuid
from typing import Any

import pytest

from accounts import services
from accounts.models import DeviceSession
from dermatech.core.errors import Forbidden
from tests.accounts.conftest import API

pytestmark = pytest.mark.django_db
ME, SESSIONS = f"{API}/me", f"{API}/sessions"


def test_ama_reads_her_profile(as_user: Any, ama: Any) -> None:
    body = as_user(ama).get(ME).json()
    assert body["id"] == str(ama.pk)
    assert (body["role"], body["cadre"], body["state"]) == ("pharmacist", "pharmacist", "verified")
    assert body["premises"]["licence_number"] == "PC/GAR/0101"
    assert "password" not in body
    assert "epoch" not in body


def test_a_supervisor_has_neither_cadre_nor_premises(as_user: Any, yaw: Any) -> None:
    body = as_user(yaw).get(ME).json()
    assert (body["cadre"], body["premises"]) == (None, None)


def test_an_unchanged_profile_is_not_sent_twice(as_user: Any, ama: Any) -> None:
    client = as_user(ama)
    etag = client.get(ME)["ETag"]
    assert client.get(ME, HTTP_IF_NONE_MATCH=etag).status_code == 304
    client.patch(ME, {"phone": "0201234567"})
    assert client.get(ME, HTTP_IF_NONE_MATCH=etag).status_code == 200


def test_ama_changes_her_name_and_number(as_user: Any, ama: Any, events: Any) -> None:
    answer = as_user(ama).patch(ME, {"full_name": "Ama Mensah-Owusu", "phone": "00233 20 123 4567"})
    assert answer.status_code == 200
    assert (answer.json()["full_name"], answer.json()["phone"]) == ("Ama Mensah-Owusu", "+233201234567")
    assert events() == ["auth.login success", "account.updated success"]


def test_changing_nothing_is_no_event(as_user: Any, ama: Any, events: Any) -> None:
    assert as_user(ama).patch(ME, {"full_name": "Ama Mensah"}).status_code == 200
    assert events() == ["auth.login success"]


@pytest.mark.parametrize(
    "field", ["role", "cadre", "state", "premises", "email", "epoch", "registration_number"]
)
def test_nobody_promotes_or_moves_themselves(as_user: Any, ama: Any, field: str) -> None:
    answer = as_user(ama).patch(ME, {field: "admin"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "unknown_field"


def test_a_stale_version_changes_nothing(as_user: Any, ama: Any) -> None:
    client = as_user(ama)
    stale = client.get(ME)["ETag"]
    client.patch(ME, {"full_name": "Ama Two"})
    answer = client.patch(ME, {"full_name": "Ama Three"}, HTTP_IF_MATCH=stale)
    assert answer.status_code == 412
    ama.refresh_from_db()
    assert ama.full_name == "Ama Two"
    fresh = client.get(ME)["ETag"]
    assert client.patch(ME, {"full_name": "Ama Three"}, HTTP_IF_MATCH=fresh).status_code == 200


def test_methods_and_parameters_that_nobody_declared_are_refused(as_user: Any, ama: Any) -> None:
    client = as_user(ama)
    assert client.put(ME, {}).status_code == 405
    assert client.delete(ME).status_code == 405
    assert client.get(f"{ME}?fields=all").status_code == 400


def test_ama_sees_her_own_devices_newest_first(as_user: Any, ama: Any, kofi: Any, pair: Any) -> None:
    pair(ama, device_name="Old phone")
    pair(kofi, device_name="Kofi's phone")
    page = as_user(ama).get(SESSIONS).json()
    assert [row["device_name"] for row in page["results"]] == ["", "Old phone"]
    assert [row["current"] for row in page["results"]] == [True, False]
    assert (page["next"], page["previous"]) == (None, None)


def test_the_list_of_devices_has_pages(as_user: Any, ama: Any, pair: Any) -> None:
    for number in range(3):
        pair(ama, device_name=f"Phone {number}")
    client = as_user(ama)
    first = client.get(SESSIONS, {"page_size": 3}).json()
    second = client.get(first["next"]).json()
    assert [row["device_name"] for row in second["results"]] == ["Phone 0"]


def test_ended_devices_are_not_listed(as_user: Any, ama: Any, pair: Any, api: Any) -> None:
    api.post(f"{API}/logout", {"refresh": pair(ama)["refresh"]})
    assert len(as_user(ama).get(SESSIONS).json()["results"]) == 1


def test_ama_signs_a_lost_phone_out(as_user: Any, ama: Any, pair: Any, me: Any, events: Any) -> None:
    lost = pair(ama, device_name="Lost")
    client = as_user(ama)
    row = next(r for r in client.get(SESSIONS).json()["results"] if r["device_name"] == "Lost")
    assert client.delete(f"{SESSIONS}/{row['id']}").status_code == 204
    assert me(lost["access"]).status_code == 401
    assert client.get(ME).status_code == 200
    assert client.delete(f"{SESSIONS}/{row['id']}").status_code == 404
    assert events()[-1] == "session.ended success"


def test_the_device_of_another_is_as_absent_as_one_that_never_was(
    as_user: Any, ama: Any, kofi: Any, yaw: Any, pair: Any, me: Any
) -> None:
    tokens = pair(kofi)
    foreign = DeviceSession.objects.get(user=kofi).pk
    for client in (as_user(ama), as_user(yaw)):
        answers = [client.delete(f"{SESSIONS}/{pk}") for pk in (foreign, uuid.uuid4())]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].json()["detail"] == answers[1].json()["detail"]
    assert me(tokens["access"]).status_code == 200


def test_staff_may_sign_a_device_out_and_colleagues_may_not(ama: Any, kofi: Any, yaw: Any, pair: Any) -> None:
    pair(ama)
    session = DeviceSession.objects.get()
    with pytest.raises(Forbidden):
        services.end_session(actor=kofi, session=session)
    services.end_session(actor=yaw, session=session)
    session.refresh_from_db()
    assert session.end_reason == "ended_by_staff"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ME),
        ("patch", ME),
        ("get", SESSIONS),
        ("delete", f"{SESSIONS}/0199e2b4-6c1f-7d3a-9c55-0a3b1f6e2d10"),
    ],
)
def test_strangers_are_asked_to_sign_in(api: Any, method: str, path: str) -> None:
    answer = getattr(api, method)(path)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")
