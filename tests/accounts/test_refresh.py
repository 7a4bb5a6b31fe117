"""Refresh tokens: one use each, one winner, and what happens to a thief."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from accounts import services
from accounts.models import DeviceSession, RefreshToken, User
from tests.accounts.conftest import API

pytestmark = pytest.mark.django_db


def _refresh(api: Any, token: Any) -> Any:
    return api.post(f"{API}/refresh", {"refresh": token})


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
    tokens = pair(ama)
    assert [api.post(f"{API}/logout", {"refresh": tokens["refresh"]}).status_code for _ in "ab"] == [204, 204]
    assert me(tokens["access"]).status_code == 401
    assert _refresh(api, tokens["refresh"]).json()["code"] == "token_invalid"
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


@pytest.mark.django_db(transaction=True)
def test_of_two_refreshes_that_race_one_wins(ama: Any, pair: Any) -> None:
    from rest_framework.test import APIClient

    if connection.vendor == "sqlite" and "memory" in str(connection.settings_dict["NAME"]):
        pytest.skip("threads share the one connection of a database in memory")
    for _ in range(5):
        refresh = pair(ama)["refresh"]
        start = threading.Barrier(2)

        def race(token: str = refresh, barrier: threading.Barrier = start) -> tuple[int, str]:
            barrier.wait(5)
            try:
                answer = _refresh(APIClient(), token)
                return answer.status_code, answer.json().get("code", "")
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as pool:
            answers = sorted(future.result() for future in [pool.submit(race) for _ in range(2)])
        assert answers == [(200, ""), (401, "token_reused")]
    assert RefreshToken.objects.filter(used_at__isnull=True).count() == 5  # one successor per race
