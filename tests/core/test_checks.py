"""Production refuses to run with what would betray its patients."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError

from dermatech.core import checks

_ALL = (
    checks.check_debug,
    checks.check_hosts,
    checks.check_secrets,
    checks.check_origins,
    checks.check_mail,
)


def _ids() -> list[str | None]:
    return [message.id for check in _ALL for message in check()]


@pytest.fixture
def production(settings: Any) -> Any:
    settings.PRODUCTION = True
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["api.example.gh"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    return settings


def test_a_good_production_has_nothing_to_mend(production: Any) -> None:
    assert _ids() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DEBUG", True, "dermatech.E001"),
        ("ALLOWED_HOSTS", ["*"], "dermatech.E002"),
        ("ALLOWED_HOSTS", ["api.example.gh", "*.gh"], "dermatech.E002"),
        ("ALLOWED_HOSTS", [], "dermatech.E002"),
        ("SECRET_KEY", "short", "dermatech.E003"),
        ("FIELD_KEYS", "k1:short", "dermatech.E003"),
        ("CORS_ALLOW_ALL_ORIGINS", True, "dermatech.E004"),
        ("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend", "dermatech.W001"),
    ],
)
def test_each_danger_has_a_check(production: Any, name: str, value: Any, expected: str) -> None:
    setattr(production, name, value)
    assert _ids() == [expected]


def test_a_developer_may_debug_on_any_host(production: Any) -> None:
    production.PRODUCTION = False
    production.DEBUG, production.ALLOWED_HOSTS = True, ["*"]
    production.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    assert _ids() == []
    checks.refuse_unsafe_start()


@pytest.mark.django_db
def test_a_safe_production_starts(production: Any) -> None:
    production.SESSION_COOKIE_SECURE = production.CSRF_COOKIE_SECURE = True
    checks.refuse_unsafe_start()


@pytest.mark.django_db
def test_an_unsafe_production_does_not_start_and_says_why(production: Any) -> None:
    production.DEBUG, production.ALLOWED_HOSTS = True, ["*"]
    with pytest.raises(ImproperlyConfigured, match=r"(?=.*E001)(?=.*E002)"):
        checks.refuse_unsafe_start()


@pytest.mark.django_db(transaction=True)
def test_it_does_not_start_without_the_triggers_of_the_audit_log(production: Any) -> None:
    from accounts.audit.triggers import remove_triggers

    remove_triggers()
    with pytest.raises(ImproperlyConfigured, match=r"accounts\.E102"):
        checks.refuse_unsafe_start()


@pytest.mark.django_db
def test_a_database_that_is_away_does_not_keep_it_from_starting(
    production: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, databases: Any = None, **__: Any) -> list[Any]:
        if databases:
            raise OperationalError("away")
        return []

    monkeypatch.setattr(checks, "run_checks", away)
    checks.refuse_unsafe_start()
