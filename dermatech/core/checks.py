"""What production must never run with, as system checks; a web process looks at them before it serves."""

from contextlib import suppress
from typing import Any, Final

from django.conf import settings
from django.core import checks as django_checks
from django.core.checks import CheckMessage, Error, Tags, register, run_checks
from django.core.exceptions import ImproperlyConfigured

from dermatech.core.fields import check_keys

_SHORTEST_SECRET: Final = 32
_TO_A_LOG: Final = frozenset(
    {"django.core.mail.backends.console.EmailBackend", "django.core.mail.backends.filebased.EmailBackend"}
)


@register(Tags.security)
def check_debug(**_context: Any) -> list[CheckMessage]:
    """dermatech.E001: DEBUG shows code, settings and patients' data to everybody."""
    if settings.PRODUCTION and settings.DEBUG:
        return [Error("DEBUG must not be on in production.", id="dermatech.E001")]
    return []


@register(Tags.security)
def check_hosts(**_context: Any) -> list[CheckMessage]:
    """dermatech.E002: a name that anybody may claim, so that links lead wherever a caller wants."""
    if not settings.PRODUCTION:
        return []
    hosts: list[str] = settings.ALLOWED_HOSTS
    wild = [host for host in hosts if "*" in host]
    if wild or not hosts:
        text = f"ALLOWED_HOSTS must name the hosts of this service, not {', '.join(wild) or 'nothing'}."
        return [Error(text, id="dermatech.E002")]
    return []


@register(Tags.security)
def check_secrets(**_context: Any) -> list[CheckMessage]:
    """dermatech.E003: SECRET_KEY is short enough to be guessed, or FIELD_KEYS cannot encrypt."""
    found: list[CheckMessage] = []
    if len(settings.SECRET_KEY) < _SHORTEST_SECRET:
        text = f"SECRET_KEY needs at least {_SHORTEST_SECRET} characters."
        found.append(Error(text, hint="openssl rand -base64 48 makes a good one.", id="dermatech.E003"))
    try:
        check_keys()
    except ImproperlyConfigured as error:
        found.append(Error(str(error), id="dermatech.E003"))
    return found


@register(Tags.security)
def check_origins(**_context: Any) -> list[CheckMessage]:
    """dermatech.E004: another site's pages may use the API as if they were ours."""
    if settings.PRODUCTION and getattr(settings, "CORS_ALLOW_ALL_ORIGINS", False):
        return [Error("CORS_ALLOWED_ORIGINS must name the sites.", id="dermatech.E004")]
    return []


@register(Tags.security)
def check_mail(**_context: Any) -> list[CheckMessage]:
    """dermatech.W001: letters hold codes that set a new password, and go where logs go."""
    if settings.PRODUCTION and settings.EMAIL_BACKEND in _TO_A_LOG:
        text = "Letters, with the codes that set a new password, are written to the log."
        hint = "Set EMAIL_URL, as smtp+tls://user:password@host:587."
        return [django_checks.Warning(text, hint=hint, id="dermatech.W001")]
    return []


def refuse_unsafe_start() -> None:
    """Raise ImproperlyConfigured when production lacks what protects it: every system check of
    security, and the triggers of the audit log. A database that does not answer is no such lack."""
    from django.db import Error as DatabaseError

    if not settings.PRODUCTION:
        return
    found = run_checks(tags=[Tags.security])
    # Where the database is away, readiness says so and looks at the triggers as soon as it is back.
    with suppress(DatabaseError):
        found += run_checks(tags=[Tags.database], databases=["default"])
    serious = [message for message in found if message.is_serious() and not message.is_silenced()]
    if serious:
        lines = "; ".join(f"({message.id}) {message.msg}" for message in serious)
        raise ImproperlyConfigured(f"This is not safe to serve: {lines}")
