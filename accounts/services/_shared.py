"""What several services of accounts do in the same way."""

from datetime import datetime
from typing import Any

from django.contrib.auth.password_validation import UserAttributeSimilarityValidator, validate_password
from django.core.exceptions import ValidationError
from django.db.models import Q

from accounts.audit import Action, Purpose, record
from accounts.models import DeviceSession, EndReason, User
from dermatech.core.errors import FieldError, ValidationFailed

# The configured validators know Django's usual attributes; these are ours.
_LIKE_ONESELF = UserAttributeSimilarityValidator(
    user_attributes=("email", "full_name", "registration_number", "phone")
)


def check_password_rules(password: str, *, user: User, field: str) -> None:
    """Raise ValidationFailed with one entry per broken rule."""
    broken: dict[str, str] = {}
    for check in (validate_password, _LIKE_ONESELF.validate):
        try:
            check(password, user)
        except ValidationError as error:
            for item in error.error_list:
                broken.setdefault(item.code or "invalid", " ".join(item.messages))
    if broken:
        raise ValidationFailed(errors=[FieldError(field, code, text) for code, text in broken.items()])


def end_sessions(
    *, actor: User | None, which: Q, reason: EndReason, now: datetime, keep: DeviceSession | None = None
) -> int:
    """End the sessions of `which` that still stand, each with its event; returns how many."""
    standing = DeviceSession.objects.filter(which, ended_at__isnull=True)
    if keep is not None:
        standing = standing.exclude(pk=keep.pk)
    ended = 0
    for session in standing.order_by("created_at"):
        won = DeviceSession.objects.filter(pk=session.pk, ended_at__isnull=True).update(
            ended_at=now, end_reason=reason, updated_at=now
        )
        if won:
            account_event(
                actor=actor, action=Action.SESSION_ENDED, entity=session, detail={"reason": reason.value}
            )
            ended += 1
    return ended


def account_event(*, actor: User | None, action: Action, **facts: Any) -> None:
    """An event about accounts, not about a patient's care."""
    record(actor=actor, action=action, purpose=Purpose.ADMINISTRATION, **facts)
