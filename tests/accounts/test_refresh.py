"""Refresh tokens: one use each, one winner, and what happens to a thief."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from cryptography.exceptions import InvalidTag
from django.db import connection
from django.utils import timezone

from accounts import services, tokens
from accounts.models import DeviceSession, RefreshToken, User
from tests.accounts.conftest import API
from tests.campaigns import refresh_races
from tests.cast import PASSWORD, enrol

pytestmark = pytest.mark.django_db


def _refresh(api: Any, token: Any, key: str = "") -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return api.post(f"{API}/refresh", {"refresh": token}, headers=headers)


def test_a_refresh_gives_a_new_pair_on_the_same_device(
    ama: Any, pair: Any, me: Any, api: Any, events: Any
) -> None:
    first = pair(ama)
    answer = _refresh(api, first["refresh"])
    assert answer.status_code == 200
    second = answer.json()
    assert set(second) == {"access", "refresh", "access_expires_in", "user"}
    assert second["refresh"] != first["refresh"]
    assert me(second["access"]).status_code == 200
    assert DeviceSession.objects.count() == 1
    assert events() == ["auth.login success", "auth.refresh success"]


def test_tokens_are_stored_as_digests_only(ama: Any, pair: Any) -> None:
    refresh = pair(ama)["refresh"]
    stored = RefreshToken.objects.get()
    assert len(refresh) >= 43
    assert stored.digest != refresh
    assert len(stored.digest) == 64


def test_an_old_token_used_again_ends_the_whole_family(
    ama: Any, pair: Any, me: Any, api: Any, events: Any
) -> None:
    first = pair(ama)
    second = _refresh(api, first["refresh"]).json()
    reused = _refresh(api, first["refresh"])
    assert (reused.status_code, reused.json()["code"]) == (401, "token_reused")
    assert me(second["access"]).json()["code"] == "token_invalid"
    assert _refresh(api, second["refresh"]).json()["code"] == "token_invalid"
    assert DeviceSession.objects.get().end_reason == "token_reused"
    assert events() == [
        "auth.login success",
        "auth.refresh success",
        "session.ended success",
        "auth.token_reused denied",
    ]


def test_reuse_ends_one_device_and_not_the_others(ama: Any, pair: Any, me: Any, api: Any) -> None:
    phone, tablet = pair(ama), pair(ama)
    _refresh(api, phone["refresh"])
    _refresh(api, phone["refresh"])
    assert me(tablet["access"]).status_code == 200


@pytest.mark.parametrize("token", ["unknown", "x" * 43, "'; DROP TABLE"])
def test_a_token_that_was_never_ours_is_invalid_and_harms_nobody(
    ama: Any, pair: Any, me: Any, api: Any, token: str
) -> None:
    access = pair(ama)["access"]
    answer = _refresh(api, token)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
    assert me(access).status_code == 200


@pytest.mark.parametrize(
    "body", [{}, {"refresh": None}, {"refresh": 5}, {"refresh": "x", "sid": "y"}], ids=str
)
def test_a_wrong_body_is_refused(api: Any, body: Any) -> None:
    assert api.post(f"{API}/refresh", body).status_code == 400


def test_an_access_token_cannot_be_refreshed(ama: Any, pair: Any, api: Any) -> None:
    answer = _refresh(api, pair(ama)["access"])
    assert answer.status_code in (400, 401)


def test_a_refresh_token_expires_after_thirty_days(ama: Any, pair: Any, api: Any) -> None:
    refresh = pair(ama)["refresh"]
    with time_machine.travel(timezone.now() + timedelta(days=31), tick=True):
        assert _refresh(api, refresh).json()["code"] == "token_expired"
        assert services.purge_expired() == 1


@pytest.mark.parametrize("state", ["refused", "deactivated"])
def test_somebody_no_longer_verified_cannot_refresh(ama: Any, pair: Any, api: Any, state: str) -> None:
    refresh = pair(ama)["refresh"]
    User.objects.filter(pk=ama.pk).update(state=state)
    assert _refresh(api, refresh).json()["code"] == "token_invalid"
    # The token was not used up by the vain attempt.
    assert RefreshToken.objects.get().used_at is None


def test_signing_out_ends_the_session_and_twice_is_fine(
    ama: Any, pair: Any, me: Any, api: Any, events: Any
) -> None:
    held = pair(ama)
    assert [api.post(f"{API}/logout", {"refresh": held["refresh"]}).status_code for _ in "ab"] == [204, 204]
    assert me(held["access"]).status_code == 401
    assert _refresh(api, held["refresh"]).json()["code"] == "token_invalid"
    assert events() == ["auth.login success", "auth.logout success"]


def test_signing_out_with_an_unknown_token_says_nothing(api: Any) -> None:
    assert api.post(f"{API}/logout", {"refresh": "unknown"}).status_code == 204


def test_of_two_that_hold_the_token_at_once_one_wins(
    ama: Any, pair: Any, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loser read the token before the winner wrote: the conditional UPDATE decides."""
    from accounts.services import sessions

    refresh = pair(ama)["refresh"]
    read_before = sessions._find(refresh)
    assert _refresh(api, refresh).status_code == 200
    monkeypatch.setattr(sessions, "_find", lambda raw: read_before)
    assert _refresh(api, refresh).json()["code"] == "token_reused"
    assert RefreshToken.objects.filter(used_at__isnull=True).count() == 1


# --- answers that get lost -----------------------------------------------------------------------
@pytest.fixture
def phone(ama: Any) -> tuple[Any, str]:
    """A device that keeps its cookies, and its first refresh token."""
    from rest_framework.test import APIClient

    client = APIClient()
    answer = client.post(f"{API}/login", {"email": ama.email, "password": PASSWORD})
    return client, answer.json()["refresh"]


def _tokens(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("refresh") or answer.json()["code"]


def test_a_lost_answer_is_given_again_to_the_same_request(phone: Any, me: Any, events: Any) -> None:
    client, first = phone
    lost = _refresh(client, first, "4711")
    again = _refresh(client, first, "4711")
    assert again.status_code == 200
    assert again.json()["refresh"] == lost.json()["refresh"]
    assert "Idempotency-Replayed" not in lost
    assert again["Idempotency-Replayed"] == "true"
    assert me(again.json()["access"]).status_code == 200
    assert RefreshToken.objects.filter(used_at__isnull=True).count() == 1
    assert _refresh(client, again.json()["refresh"], "4712").status_code == 200
    assert events() == ["auth.refresh success"] * 3


@pytest.mark.parametrize("key", ["", "another key"])
def test_without_the_key_of_the_first_request_it_is_a_thief(phone: Any, key: str, me: Any) -> None:
    client, first = phone
    second = _refresh(client, first, "4711").json()
    assert _tokens(_refresh(client, first, key)) == (401, "token_reused")
    assert me(second["access"]).status_code == 401


def test_the_key_does_not_help_on_another_device(phone: Any, api: Any) -> None:
    client, first = phone
    _refresh(client, first, "4711")
    assert _tokens(_refresh(api, first, "4711")) == (401, "token_reused")
    assert DeviceSession.objects.get().end_reason == "token_reused"


def test_a_thief_who_was_first_is_found_out_by_the_owner(phone: Any, api: Any, me: Any) -> None:
    client, first = phone
    stolen = _refresh(api, first, "thief").json()
    assert _tokens(_refresh(client, first, "4711")) == (401, "token_reused")
    assert me(stolen["access"]).status_code == 401


def test_nothing_is_given_again_after_the_grace_or_once_the_successor_was_used(phone: Any) -> None:
    client, first = phone
    _refresh(client, first, "4711")
    with time_machine.travel(timezone.now() + timedelta(minutes=3), tick=True):
        assert _tokens(_refresh(client, first, "4711")) == (401, "token_reused")


def test_a_successor_that_arrived_and_was_used_is_not_given_again(phone: Any) -> None:
    client, first = phone
    second = _refresh(client, first, "4711").json()["refresh"]
    assert _refresh(client, second, "4712").status_code == 200
    assert not RefreshToken.objects.filter(digest=tokens.digest(first)).exclude(sealed_successor="").exists()
    assert _tokens(_refresh(client, first, "4711")) == (401, "token_reused")


def test_an_ended_session_is_not_opened_again_by_asking_again(phone: Any, ama: Any) -> None:
    client, first = phone
    _refresh(client, first, "4711")
    services.deactivate(actor=enrol("yaw"), user=ama, reason="Left.")
    assert _tokens(_refresh(client, first, "4711")) == (401, "token_invalid")


def test_the_database_alone_does_not_give_the_successor_away(phone: Any) -> None:
    client, first = phone
    second = _refresh(client, first, "4711").json()["refresh"]
    row = RefreshToken.objects.get(digest=tokens.digest(first))
    assert second not in row.sealed_successor
    assert tokens.unseal(row.sealed_successor, under=first) == second
    with pytest.raises(InvalidTag):
        tokens.unseal(row.sealed_successor, under=row.digest)


def test_a_key_that_is_none_is_refused(phone: Any) -> None:
    client, first = phone
    assert _refresh(client, first, "k" * 201).status_code == 400
    assert _refresh(client, first, "4711").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_races_have_never_two_winners(tmp_path: Any) -> None:
    """Some of the races of `make campaign NAME=refresh_races`."""
    if connection.vendor == "sqlite" and "memory" in str(connection.settings_dict["NAME"]):
        pytest.skip("threads share the one connection of a database in memory")
    found = refresh_races.races(12)
    assert found.faults == []
    assert found.races == 12
