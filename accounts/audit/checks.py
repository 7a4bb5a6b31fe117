"""System checks of the audit log."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from accounts.audit.keys import KeyUnusable, signing_key
from accounts.audit.triggers import missing_triggers


@register(Tags.security)
def check_signing_key(**_context: Any) -> list[CheckMessage]:
    """accounts.E101: AUDIT_SIGNING_KEY or AUDIT_ORIGIN cannot sign a checkpoint."""
    try:
        signing_key()
    except KeyUnusable as error:
        return [Error(str(error), id="accounts.E101")]
    return []


@register(Tags.database)
def check_triggers(databases: Sequence[str] | None = None, **_context: Any) -> list[CheckMessage]:
    """accounts.E102: a trigger that protects the audit log is missing or altered."""
    return [
        Error(
            f"The audit log's trigger {name} is missing or altered in database {using!r}.",
            hint="Run manage.py migrate: it installs the triggers again. Find out who removed it.",
            id="accounts.E102",
        )
        for using in databases or ()
        for name in missing_triggers(using)
    ]
