"""Fixtures of the account tests."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cast import OSU, PASSWORD

API = "/api/v1/auth"


@pytest.fixture(autouse=True)
def _fresh_counters() -> Iterator[None]:
    """Attempts of one test do not count in the next."""
    from accounts import throttle

    throttle.forget()
    yield
    throttle.forget()


@pytest.fixture
def form() -> dict[str, Any]:
    """A registration that is taken."""
    return {
        "email": "Akosua@Osu.example",
        "password": "seven blue canoes at dawn",
        "full_name": "Akosua  Sarpong",
        "phone": "024 123 4567",
        "cadre": "pharmacist",
        "registration_number": "ps/12345",
        "premises": {**OSU, "licence_number": "pc/gar/0999", "name": "Labone Chemists"},
    }


@pytest.fixture
def sign_in(db: None) -> Callable[..., Any]:
    """POST /auth/login as somebody, on a client of its own."""
    from rest_framework.test import APIClient

    def post(user: Any, password: str = PASSWORD, **extra: Any) -> Any:
        return APIClient().post(f"{API}/login", {"email": user.email, "password": password, **extra})

    return post


@pytest.fixture
def pair(sign_in: Callable[..., Any]) -> Callable[[Any], dict[str, Any]]:
    """The tokens of a fresh sign-in."""

    def tokens(user: Any, **extra: Any) -> dict[str, Any]:
        answer = sign_in(user, **extra)
        assert answer.status_code == 200, answer.content
        return dict(answer.json())

    return tokens


@pytest.fixture
def me(db: None) -> Callable[[str], Any]:
    """GET /auth/me with a token."""
    from rest_framework.test import APIClient

    def get(access: str) -> Any:
        return APIClient().get(f"{API}/me", HTTP_AUTHORIZATION=f"Bearer {access}")

    return get


@pytest.fixture
def events(db: None) -> Callable[[], list[str]]:
    """The audit log as "action outcome" lines, oldest first, emptied of what was there before."""
    from accounts.models import AuditEvent

    before = set(AuditEvent.objects.values_list("pk", flat=True))

    def read() -> list[str]:
        rows = AuditEvent.objects.exclude(pk__in=before).order_by("id")
        return [f"{row.action} {row.outcome}" for row in rows]

    return read


@pytest.fixture
def akosua(db: None) -> Any:
    """A pharmacist whose registration waits for a supervisor."""
    from accounts.models import Premises, User

    premises, _ = Premises.objects.get_or_create(licence_number=OSU["licence_number"], defaults=OSU)
    return User.objects.create_user(
        "akosua@dermatech.example",
        PASSWORD,
        full_name="Akosua Sarpong",
        cadre="pharmacist",
        registration_number="PS/777",
        premises=premises,
    )
