"""System checks of accounts: what would make tokens forgeable or registration impossible."""

import re
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core import checks as django_checks
from django.core.checks import CheckMessage, Error, Tags, register

from accounts.roles import Cadre

_SHORT: Final = "{name} has {length} characters; an HMAC-SHA-256 key needs at least {least}."


@register(Tags.security)
def check_token_keys(**_context: Any) -> list[CheckMessage]:
    """accounts.E001: a key of the access tokens is short enough to be guessed."""
    from accounts.tokens import SHORTEST_KEY  # a web process's affair, and a heavy one

    found: list[CheckMessage] = []
    for name, may_be_empty in (("JWT_SIGNING_KEY", False), ("JWT_PREVIOUS_KEY", True)):
        key: str = getattr(settings, name)
        if len(key) < SHORTEST_KEY and not (may_be_empty and not key):
            text = _SHORT.format(name=name, length=len(key), least=SHORTEST_KEY)
            found.append(Error(text, hint="openssl rand -base64 32 makes a good one.", id="accounts.E001"))
    return found


@register(Tags.security)
def check_token_settings(**_context: Any) -> list[CheckMessage]:
    """accounts.E002: SIMPLE_JWT names another algorithm, or no audience or issuer."""
    from accounts.tokens import ALGORITHM

    options: dict[str, Any] = settings.SIMPLE_JWT
    found: list[CheckMessage] = []
    if options.get("ALGORITHM") != ALGORITHM:
        found.append(Error(f"SIMPLE_JWT['ALGORITHM'] must be {ALGORITHM!r}.", id="accounts.E002"))
    found.extend(
        Error(f"SIMPLE_JWT[{name!r}] must be set.", id="accounts.E002")
        for name in ("AUDIENCE", "ISSUER")
        if not options.get(name)
    )
    return found


@register(Tags.security)
def check_second_factor(**_context: Any) -> list[CheckMessage]:
    """accounts.W001: in production a stolen password opens the admin site, or an unlocked screen every
    grave act in it."""
    found: list[CheckMessage] = []
    if settings.PRODUCTION and settings.ADMIN_TOTP != "required":
        text = "A password alone opens the admin site."
        found.append(django_checks.Warning(text, hint="ADMIN_TOTP=required", id="accounts.W001"))
    if settings.PRODUCTION and not settings.ADMIN_PROOF_SECONDS:
        text = "Grave acts in the admin site do not ask again who sits there."
        found.append(django_checks.Warning(text, hint="ADMIN_PROOF_SECONDS=300", id="accounts.W001"))
    return found


@register()
def check_registration_patterns(**_context: Any) -> list[CheckMessage]:
    """accounts.E003: REGISTRATION_NUMBER_PATTERNS names no cadre, or is no regular expression."""
    found: list[CheckMessage] = []
    for cadre, pattern in getattr(settings, "REGISTRATION_NUMBER_PATTERNS", {}).items():
        where = f"REGISTRATION_NUMBER_PATTERNS[{cadre!r}]"
        if cadre not in Cadre.values:
            found.append(Error(f"{where}: cadres are {', '.join(Cadre.values)}.", id="accounts.E003"))
        try:
            re.compile(pattern)
        except re.error as problem:
            found.append(Error(f"{where} is no regular expression: {problem}.", id="accounts.E003"))
    return found


@register()
def check_limits(**_context: Any) -> list[CheckMessage]:
    """accounts.E004: ACCOUNT_LIMITS names no limit, or is not (attempts, seconds)."""
    from accounts.limits import DEFAULTS  # with them comes the client of Redis

    found: list[CheckMessage] = []
    for name, value in getattr(settings, "ACCOUNT_LIMITS", {}).items():
        if name not in DEFAULTS:
            found.append(
                Error(f"ACCOUNT_LIMITS[{name!r}]: limits are {', '.join(DEFAULTS)}.", id="accounts.E004")
            )
        numbers = isinstance(value, tuple | list) and [type(item) for item in value] == [int, int]
        if not numbers or min(value) < 1:
            found.append(Error(f"ACCOUNT_LIMITS[{name!r}] must be (attempts, seconds).", id="accounts.E004"))
    return found


@register(Tags.security)
def check_breached_passwords(**_context: Any) -> list[CheckMessage]:
    """accounts.E005: BREACHED_PASSWORDS_FILE is not there, or not a sorted list of SHA-1 hashes."""
    path: str = settings.BREACHED_PASSWORDS_FILE
    if not path:
        return []
    from accounts.breached import BreachedList, NotAList

    try:
        BreachedList(Path(path)).check()
    except NotAList as problem:
        hint = "As Have I Been Pwned's downloader writes it: one SHA-1 per line, sorted."
        return [Error(f"BREACHED_PASSWORDS_FILE {path} {problem}.", hint=hint, id="accounts.E005")]
    return []
