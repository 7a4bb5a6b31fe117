"""Password rules of our own; those of Django stand beside them in AUTH_PASSWORD_VALIDATORS."""

import logging
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError

from accounts.breached import BreachedList, NotAList

logger = logging.getLogger(__name__)


class BreachedPasswordValidator:
    """Refuses what stands in the file BREACHED_PASSWORDS_FILE; without one it refuses nothing.

    A file that breaks while the service runs keeps nobody out: it is logged, and the system check
    accounts.E005 names it at the next start.
    """

    def validate(self, password: str, user: Any = None) -> None:
        path: str = settings.BREACHED_PASSWORDS_FILE
        if not path:
            return
        try:
            known = BreachedList(Path(path)).holds(password)
        except (OSError, NotAList) as problem:
            logger.error("The list of breached passwords %s: %s", path, problem)
            return
        if known:
            raise ValidationError(
                "This password stands in lists of stolen passwords, which are tried first; choose another.",
                code="password_breached",
            )

    def get_help_text(self) -> str:
        if not settings.BREACHED_PASSWORDS_FILE:
            return ""
        return "Your password cannot be one that was stolen somewhere before."
