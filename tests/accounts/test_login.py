"""Signing in: who may, what is said to those who may not, and how often one may try."""

import json
from typing import Any

import pytest
from django.contrib.auth.hashers import identify_hasher
from rest_framework.test import APIClient

from accounts import services
from accounts.hashers import Argon2idHasher
from accounts.models import DeviceSession, User
from tests.accounts.conftest import API
from tests.cast import PASSWORD

pytestmark = pytest.mark.django_db
LOGIN = f"{API}/login"


def _without_id(answer: Any) -> dict[str, Any]:
    body = dict(json.loads(answer.content))
    body.pop("request_id")
    return body


def test_ama_signs_in_and_gets_tokens_and_her_profile(sign_in: Any, ama: Any, events: Any) -> None:
    answer = sign_in(ama, device_name="Counter phone")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access", "refresh", "access_expires_in", "user"}
    assert body["access_expires_in"] == 600
    assert body["user"]["email"] == ama.email
    assert body["user"]["premises"]["name"] == "Osu Pharmacy"
    assert answer["Cache-Control"] == "no-store"
    assert DeviceSession.objects.get().device_name == "Counter phone"
    assert events() == ["auth.login success"]


def test_the_address_is_taken_in_any_case(api: Any, ama: Any) -> None:
    answer = api.post(LOGIN, {"email": "AMA@DermaTech.Example", "password": PASSWORD})
    assert answer.status_code == 200


def test_unknown_wrong_refused_and_closed_are_told_the_same(api: Any, ama: Any, kofi: Any, esi: Any) -> None:
    User.objects.filter(pk=kofi.pk).update(state="deactivated")
    User.objects.filter(pk=esi.pk).update(state="refused")
    answers = [
        api.post(LOGIN, {"email": "nobody@dermatech.example", "password": PASSWORD}),
        api.post(LOGIN, {"email": ama.email, "password": "wrong"}),
        api.post(LOGIN, {"email": kofi.email, "password": PASSWORD}),
        api.post(LOGIN, {"email": esi.email, "password": PASSWORD}),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert all(_without_id(answer) == _without_id(answers[0]) for answer in answers)
    assert _without_id(answers[0])["code"] == "invalid_credentials"
    assert all(set(answer.headers) == set(answers[0].headers) for answer in answers)
    assert answers[0]["WWW-Authenticate"].startswith("Bearer")


def test_the_hasher_runs_for_an_unknown_address_too(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.auth.hashers import MD5PasswordHasher

    runs: list[str] = []
    original = MD5PasswordHasher.encode

    def counting(self: Any, password: str, salt: str) -> str:
        runs.append(password)
        return str(original(self, password, salt))

    monkeypatch.setattr(MD5PasswordHasher, "encode", counting)
    api.post(LOGIN, {"email": "nobody@dermatech.example", "password": PASSWORD})
    assert len(runs) == 1


def test_a_failed_sign_in_is_an_audit_event_with_its_reason(
    api: Any, ama: Any, sign_in: Any, events: Any
) -> None:
    sign_in(ama, "wrong")
    api.post(LOGIN, {"email": "nobody@dermatech.example", "password": "wrong"})
    assert events() == ["auth.login_failed denied", "auth.login_failed denied"]


def test_pending_is_said_only_after_the_right_password(akosua: Any, sign_in: Any) -> None:
    assert sign_in(akosua, "wrong").json()["code"] == "invalid_credentials"
    answer = sign_in(akosua)
    assert (answer.status_code, answer.json()["code"]) == (403, "registration_pending")
    assert not DeviceSession.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"email": "ama@dermatech.example"}, "password"),
        ({"email": "ama@dermatech.example", "password": "x", "pin": "1"}, "pin"),
        ({"email": "ama@dermatech.example", "password": "x" * 300}, "password"),
        ({"email": ["a"], "password": "x"}, "email"),
        ({"email": "ama@dermatech.example", "password": {"$ne": ""}}, "password"),
        ({"email": "ama@dermatech.example", "password": "x", "device_name": "y" * 101}, "device_name"),
    ],
)
def test_a_wrong_body_names_its_field(api: Any, body: Any, field: str) -> None:
    answer = api.post(LOGIN, body)
    assert answer.status_code == 400
    assert {error["field"] for error in answer.json()["errors"]} >= {field}


def test_a_stale_token_does_not_keep_anybody_from_signing_in(api: Any, ama: Any) -> None:
    answer = api.post(LOGIN, {"email": ama.email, "password": PASSWORD}, HTTP_AUTHORIZATION="Bearer nonsense")
    assert answer.status_code == 200


def test_an_old_hash_is_remade_as_argon2id_and_nobody_is_signed_out(
    ama: Any, pair: Any, me: Any, settings: Any
) -> None:
    first = pair(ama)
    settings.PASSWORD_HASHERS = [
        "accounts.hashers.Argon2idHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ]
    pair(ama)
    ama.refresh_from_db()
    assert isinstance(identify_hasher(ama.password), Argon2idHasher)
    assert ama.password.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert me(first["access"]).status_code == 200


def test_an_account_closed_while_it_signs_in_gets_no_session(
    ama: Any, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from accounts.services import sessions

    def closes_meanwhile(**kwargs: Any) -> User:
        user = services.check_credentials(**kwargs)
        User.objects.filter(pk=user.pk).update(state="deactivated")
        return user

    monkeypatch.setattr(sessions, "check_credentials", closes_meanwhile)
    assert sign_in(ama).status_code == 401
    assert not DeviceSession.objects.exists()


# --- how often -----------------------------------------------------------------------------------
def test_after_five_wrong_passwords_the_account_is_locked_for_unknown_devices(
    ama: Any, sign_in: Any, events: Any
) -> None:
    assert [sign_in(ama, "wrong").status_code for _ in range(5)] == [401] * 5
    answer = sign_in(ama)  # the right password is no help now
    assert (answer.status_code, answer.json()["code"]) == (429, "locked_out")
    assert 0 < int(answer["Retry-After"]) <= 900
    sign_in(ama)
    assert events() == ["auth.login_failed denied"] * 5 + ["auth.locked_out denied"]


def test_an_unknown_address_is_locked_in_the_same_way(api: Any, ama: Any, sign_in: Any) -> None:
    unknown = [api.post(LOGIN, {"email": "nobody@dermatech.example", "password": "wrong"}) for _ in range(6)]
    known = [sign_in(ama, "wrong") for _ in range(6)]
    assert [answer.status_code for answer in unknown] == [answer.status_code for answer in known]
    assert _without_id(unknown[-1]) == _without_id(known[-1])


def test_a_right_password_does_not_use_up_attempts(ama: Any, sign_in: Any) -> None:
    for _ in range(4):
        sign_in(ama, "wrong")
    assert [sign_in(ama).status_code for _ in range(10)] == [200] * 10


def test_guessing_from_elsewhere_does_not_lock_the_owners_own_device(ama: Any, sign_in: Any) -> None:
    phone = APIClient()
    body = {"email": ama.email, "password": PASSWORD}
    assert phone.post(LOGIN, body).status_code == 200  # leaves the mark of a known device
    for _ in range(8):
        sign_in(ama, "wrong")
    assert sign_in(ama).status_code == 429
    assert phone.post(LOGIN, body).status_code == 200


def test_a_known_device_is_known_for_its_own_account_only(ama: Any, kofi: Any, sign_in: Any) -> None:
    phone = APIClient()
    phone.post(LOGIN, {"email": ama.email, "password": PASSWORD})
    for _ in range(5):
        sign_in(kofi, "wrong")
    assert phone.post(LOGIN, {"email": kofi.email, "password": PASSWORD}).status_code == 429


def test_a_forged_device_mark_is_an_unknown_device(ama: Any, sign_in: Any) -> None:
    for _ in range(5):
        sign_in(ama, "wrong")
    phone = APIClient()
    phone.cookies["dermatech_device"] = "eyJ1c2VyIjoiYW1hIn0:forged:mark"
    assert phone.post(LOGIN, {"email": ama.email, "password": PASSWORD}).status_code == 429


def test_one_address_cannot_try_one_password_on_everybody(settings: Any, api: Any) -> None:
    settings.ACCOUNT_LIMITS = {"login_address": (3, 60)}
    codes = [
        api.post(LOGIN, {"email": f"p{n}@dermatech.example", "password": "spray"}).status_code
        for n in range(5)
    ]
    assert codes == [401, 401, 401, 429, 429]


def test_the_device_mark_is_a_cookie_that_scripts_and_other_sites_cannot_use(ama: Any, sign_in: Any) -> None:
    cookie = sign_in(ama).cookies["dermatech_device"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", API)


def test_the_lock_opens_when_its_window_is_over(
    ama: Any, sign_in: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    for _ in range(6):
        sign_in(ama, "wrong")
    later = time.monotonic() + 901
    monkeypatch.setattr("accounts.throttle.time.monotonic", lambda: later)
    assert sign_in(ama).status_code == 200
