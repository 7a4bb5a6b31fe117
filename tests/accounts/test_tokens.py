"""Access tokens: what is taken, and everything that is not."""

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
import time_machine
from django.conf import settings as live
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.request import Request

from accounts import tokens
from accounts.authentication import AccessTokenAuthentication
from accounts.models import DeviceSession, User
from dermatech.core.errors import Unauthenticated
from tests.accounts.conftest import API
from tests.campaigns.tokens import forgeries

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _claims(access: str) -> dict[str, Any]:
    return dict(jwt.decode(access, options={"verify_signature": False}))


def _signed(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, live.JWT_SIGNING_KEY, algorithm="HS256")


def _raw(header: dict[str, Any], claims: dict[str, Any], key: bytes = b"", digest: str = "sha256") -> str:
    """A token made by hand, as a library would refuse to make it."""
    body = f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(claims).encode())}"
    return f"{body}.{_b64(hmac.new(key, body.encode(), digest).digest()) if key else ''}"


def _refused(answer: Any, code: str = "token_invalid") -> None:
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer["Content-Type"] == "application/problem+json"


def test_an_access_token_says_who_where_and_for_how_long(ama: Any, pair: Any) -> None:
    claims = _claims(pair(ama)["access"])
    assert claims["sub"] == str(ama.pk)
    assert claims["sid"] == str(DeviceSession.objects.get().pk)
    assert claims["epoch"] == ama.epoch
    assert (claims["typ"], claims["aud"], claims["iss"]) == ("access", "dermatech-api", "dermatech")
    assert claims["exp"] - claims["iat"] == 600
    assert len(claims["jti"]) == 32


def test_without_a_token_one_is_asked_to_sign_in(api: Any) -> None:
    _refused(api.get(f"{API}/me"), "not_authenticated")


@pytest.mark.parametrize("header", ["Basic YW1hOng=", "Token abc", "bearer", "Bearer a b", "Bearer é"])
def test_an_authorization_header_of_another_kind_is_no_token(api: Any, header: str) -> None:
    answer = api.get(f"{API}/me", HTTP_AUTHORIZATION=header)
    assert answer.status_code == 401
    assert answer.json()["code"] in {"not_authenticated", "token_invalid"}


@pytest.mark.parametrize("none", ["none", "None", "NONE", "nOnE", ""])
def test_an_unsigned_token_is_refused_in_every_spelling(ama: Any, pair: Any, me: Any, none: str) -> None:
    claims = _claims(pair(ama)["access"])
    _refused(me(_raw({"alg": none, "typ": "JWT"}, claims)))
    _refused(me(_raw({"alg": none, "typ": "JWT"}, claims, live.JWT_SIGNING_KEY.encode())))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused_even_with_the_right_key(
    ama: Any, pair: Any, me: Any, algorithm: str
) -> None:
    claims, digest = _claims(pair(ama)["access"]), algorithm.replace("HS", "sha")
    _refused(me(_raw({"alg": algorithm, "typ": "JWT"}, claims, live.JWT_SIGNING_KEY.encode(), digest)))


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "another-api"},
        {"aud": None},
        {"iss": "somebody"},
        {"iss": None},
        {"typ": "refresh"},
        {"typ": None},
        {"exp": None},
        {"iat": None},
        {"jti": None},
        {"sid": None},
        {"sid": "not-a-uuid"},
        {"sid": 7},
        {"sub": None},
        {"sub": "0199e2b4-6c1f-7d3a-9c55-0a3b1f6e2d10"},
        {"epoch": None},
        {"epoch": 99},
        {"epoch": True},
        {"epoch": "1"},
        {"exp": "tomorrow"},
        {"iat": 99_999_999_999},
        {"nbf": 99_999_999_999},
        {"exp": 10**30},
    ],
    ids=str,
)
def test_a_rightly_signed_token_with_a_wrong_claim_is_refused(
    ama: Any, pair: Any, me: Any, change: dict[str, Any]
) -> None:
    claims = {**_claims(pair(ama)["access"]), **change}
    claims = {name: value for name, value in claims.items() if value is not None}
    _refused(me(_raw({"alg": "HS256", "typ": "JWT"}, claims, live.JWT_SIGNING_KEY.encode())))


@pytest.mark.parametrize("key", ["", "secret", "x" * 64], ids=["empty", "short", "long"])
def test_a_token_under_another_key_is_refused(ama: Any, pair: Any, me: Any, key: str) -> None:
    _refused(me(_raw({"alg": "HS256", "typ": "JWT"}, _claims(pair(ama)["access"]), key.encode() or b"\0")))


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "../../dev/null"},
        {"jwk": {"kty": "oct", "k": "AA"}},
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
    ],
    ids=lambda header: next(iter(header)),
)
def test_a_key_offered_by_the_token_itself_is_not_used(
    ama: Any, pair: Any, me: Any, header: dict[str, Any]
) -> None:
    claims = _claims(pair(ama)["access"])
    _refused(me(_raw({"alg": "HS256", "typ": "JWT", **header}, claims, b"\0")))


def test_a_changed_truncated_or_padded_token_is_refused(ama: Any, pair: Any, me: Any) -> None:
    access = pair(ama)["access"]
    head, body, signature = access.split(".")
    other = _b64(json.dumps({**_claims(access), "role": "admin"}).encode())
    for mangled in (
        f"{head}.{other}.{signature}",
        f"{head}.{body}",
        f"{head}.{body}.",
        access[:-2],
        f"{access}.x",
        "..",
        "." * 100,
        "x" * 5000,
    ):
        _refused(me(mangled))
    assert me(access).status_code == 200


def test_no_forgery_of_the_campaign_is_taken(ama: Any, pair: Any, me: Any) -> None:
    """What `make campaign NAME=tokens` sends to the running server."""
    held = pair(ama)
    forged = list(forgeries(held["access"], held["refresh"], live.JWT_SIGNING_KEY))
    assert len(forged) >= 300
    taken = [(family, token) for family, token in forged if _taken(token)]
    assert taken == []
    assert me(held["access"]).status_code == 200


def _taken(token: str) -> bool:
    request = Request(RequestFactory().get("/", headers={"Authorization": f"Bearer {token}"}))
    try:
        return AccessTokenAuthentication().authenticate(request) is not None
    except Unauthenticated:
        return False


def test_a_refresh_token_is_no_access_token(ama: Any, pair: Any, me: Any) -> None:
    _refused(me(pair(ama)["refresh"]))


def test_a_token_older_than_ten_minutes_has_expired(ama: Any, pair: Any, me: Any) -> None:
    access = pair(ama)["access"]
    with time_machine.travel(timezone.now() + timedelta(minutes=11), tick=True):
        _refused(me(access), "token_expired")


def test_a_token_under_the_previous_key_is_taken_while_keys_are_rotated(
    ama: Any, pair: Any, me: Any, settings: Any
) -> None:
    old = pair(ama)["access"]
    settings.JWT_PREVIOUS_KEY, settings.JWT_SIGNING_KEY = settings.JWT_SIGNING_KEY, "n" * 43
    new = pair(ama)["access"]
    assert (me(old).status_code, me(new).status_code) == (200, 200)
    settings.JWT_PREVIOUS_KEY = ""
    _refused(me(old))


def test_an_empty_previous_key_lets_nothing_in(ama: Any, pair: Any, me: Any, settings: Any) -> None:
    settings.JWT_PREVIOUS_KEY = ""
    claims = _claims(pair(ama)["access"])
    body = _raw({"alg": "HS256", "typ": "JWT"}, claims).rstrip(".")
    empty = hmac.new(b"", body.encode(), hashlib.sha256).digest()
    _refused(me(f"{body}.{_b64(empty)}"))


def test_the_token_of_an_ended_session_is_refused(ama: Any, pair: Any, me: Any, api: Any) -> None:
    tokens_ = pair(ama)
    api.post(f"{API}/logout", {"refresh": tokens_["refresh"]})
    _refused(me(tokens_["access"]))


@pytest.mark.parametrize("state", ["pending", "refused", "deactivated"])
def test_the_token_of_somebody_no_longer_verified_is_refused(
    ama: Any, pair: Any, me: Any, state: str
) -> None:
    access = pair(ama)["access"]
    User.objects.filter(pk=ama.pk).update(state=state)
    _refused(me(access))


def test_a_new_epoch_ends_every_token(ama: Any, pair: Any, me: Any) -> None:
    access = pair(ama)["access"]
    User.objects.filter(pk=ama.pk).update(epoch=ama.epoch + 1)
    _refused(me(access))


def test_one_cannot_borrow_the_session_of_another(ama: Any, kofi: Any, pair: Any, me: Any) -> None:
    borrowed = _claims(pair(kofi)["access"])["sid"]
    _refused(me(_signed({**_claims(pair(ama)["access"]), "sid": borrowed})))


def test_checking_a_token_costs_one_query(
    ama: Any, pair: Any, me: Any, django_assert_num_queries: Any
) -> None:
    access = pair(ama)["access"]
    with django_assert_num_queries(1):  # the session with its user and premises
        assert me(access).status_code == 200


def test_forged_tokens_are_refused_quickly() -> None:
    """A long text is turned away before any signature is checked."""
    began = time.perf_counter()
    for _ in range(1000):
        with pytest.raises(Unauthenticated):
            tokens.read_access("x" * 100_000)
    assert time.perf_counter() - began < 1
