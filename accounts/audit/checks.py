"""System checks of the audit log."""

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from accounts.audit.keys import KeyUnusable, signing_key


@register(Tags.security)
def check_signing_key(**_context: Any) -> list[CheckMessage]:
    """accounts.E101: AUDIT_SIGNING_KEY or AUDIT_ORIGIN cannot sign a checkpoint."""
    try:
        signing_key()
    except KeyUnusable as error:
        return [Error(str(error), id="accounts.E101")]
    return []
