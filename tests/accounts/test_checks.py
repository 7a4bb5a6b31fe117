"""Unsafe settings are found before the first request."""

from typing import Any

import pytest

from accounts import checks


def _ids(found: list[Any]) -> list[str]:
    return [message.id for message in found]


def test_the_settings_of_the_tests_are_safe() -> None:
    for check in (
        checks.check_token_keys,
        checks.check_token_settings,
        checks.check_registration_patterns,
        checks.check_limits,
    ):
        assert check() == []


@pytest.mark.parametrize(
    ("name", "key"), [("JWT_SIGNING_KEY", ""), ("JWT_SIGNING_KEY", "short"), ("JWT_PREVIOUS_KEY", "short")]
)
def test_a_key_that_could_be_guessed_is_found(settings: Any, name: str, key: str) -> None:
    setattr(settings, name, key)
    assert _ids(checks.check_token_keys()) == ["accounts.E001"]


@pytest.mark.parametrize("change", [{"ALGORITHM": "none"}, {"AUDIENCE": ""}, {"ISSUER": None}], ids=str)
def test_token_settings_that_check_less_are_found(settings: Any, change: dict[str, Any]) -> None:
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, **change}
    assert _ids(checks.check_token_settings()) == ["accounts.E002"]


@pytest.mark.parametrize("patterns", [{"pharmacist": "("}, {"dermatologist": r"\d+"}], ids=str)
def test_a_pattern_that_cannot_work_is_found(settings: Any, patterns: dict[str, str]) -> None:
    settings.REGISTRATION_NUMBER_PATTERNS = patterns
    assert _ids(checks.check_registration_patterns()) == ["accounts.E003"]


@pytest.mark.parametrize(
    "limits",
    [{"login": (1, 1)}, {"login_account": 5}, {"login_account": (0, 60)}, {"login_account": ("5", 60)}],
    ids=str,
)
def test_a_limit_that_cannot_work_is_found(settings: Any, limits: dict[str, Any]) -> None:
    settings.ACCOUNT_LIMITS = limits
    assert _ids(checks.check_limits()) == ["accounts.E004"]


@pytest.mark.parametrize("change", [{"ADMIN_TOTP": "optional"}, {"ADMIN_PROOF_SECONDS": 0}], ids=str)
def test_a_password_alone_for_the_admin_is_a_warning_in_production(
    settings: Any, change: dict[str, Any]
) -> None:
    settings.ADMIN_TOTP, settings.ADMIN_PROOF_SECONDS = "required", 300
    assert _ids(checks.check_second_factor()) == []
    settings.PRODUCTION = True
    assert _ids(checks.check_second_factor()) == []
    for name, value in change.items():
        setattr(settings, name, value)
    assert _ids(checks.check_second_factor()) == ["accounts.W001"]
