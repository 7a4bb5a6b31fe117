"""Access in an emergency: opened, ended, reviewed. It lets its supervisor read, and nothing else."""

import uuid
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from accounts import policy
from accounts.audit import Action, Purpose, record
from accounts.models import EmergencyAccess, Premises, User
from accounts.services.registration import required_reason
from dermatech.core.errors import Conflict, Forbidden, ValidationFailed

# What the form offers; long enough to see one patient through, too short to forget.
HOURS: Final = (1, 4, 24)
# "urgent" explains nothing to whoever reviews it.
SHORTEST_REASON: Final = 15


def open_emergency_access(
    *, actor: User, consultation_id: uuid.UUID, premises: Premises, reason: str, hours: int
) -> EmergencyAccess:
    """Let `actor` read one record for `hours`. The caller made sure that it exists and is out of reach.

    Raises Forbidden, ValidationFailed, Conflict `emergency_access_open` where it is open already.
    """
    policy.require(actor, policy.Permission.EMERGENCY_OPEN)
    reason = _telling(reason)
    if hours not in HOURS:
        raise ValidationFailed.of("hours", "invalid_choice", f"One of: {', '.join(map(str, HOURS))}.")
    with transaction.atomic():
        # The lock keeps two clicks from opening it twice.
        User.objects.select_for_update().get(pk=actor.pk)
        now = timezone.now()
        mine = EmergencyAccess.objects.open(now=now).filter(supervisor=actor, consultation_id=consultation_id)
        if mine.exists():
            raise Conflict("You have opened this record already.", code="emergency_access_open")
        access = EmergencyAccess.objects.create(
            supervisor=actor, consultation_id=consultation_id, premises=premises, reason=reason,
            expires_at=now + timedelta(hours=hours),
        )  # fmt: skip
        _event(actor, Action.EMERGENCY_OPENED, access, changes={"reason": reason}, detail={"hours": hours})
    return access


def end_emergency_access(*, actor: User, access: EmergencyAccess) -> None:
    """End it early: one's own, or as a reviewer or administrator anybody's. Raises Conflict when over."""
    policy.require(actor, policy.Permission.EMERGENCY_READ)
    now = timezone.now()
    with transaction.atomic():
        rows = EmergencyAccess.objects.open(now=now).filter(pk=access.pk)
        if not rows.update(ended_at=now, ended_by=actor, updated_at=now):
            raise Conflict("This access is over already.", code="emergency_access_over")
        _event(actor, Action.EMERGENCY_ENDED, access)
    access.refresh_from_db()


def review_emergency_access(*, actor: User, access: EmergencyAccess, justified: bool, note: str) -> None:
    """What a colleague says about it, once. One that is not justified ends at that moment.

    Raises Forbidden for one's own, ValidationFailed without a note, Conflict when reviewed before.
    """
    policy.require(actor, policy.Permission.EMERGENCY_REVIEW)
    if access.supervisor_id == actor.pk:
        raise Forbidden("Nobody reviews their own emergency access.", code="own_account")
    note, now = required_reason(note), timezone.now()
    verdict = EmergencyAccess.Verdict.JUSTIFIED if justified else EmergencyAccess.Verdict.NOT_JUSTIFIED
    with transaction.atomic():
        rows = EmergencyAccess.objects.unreviewed().filter(pk=access.pk)
        if not rows.update(
            reviewed_by=actor, reviewed_at=now, verdict=verdict, review_note=note, updated_at=now
        ):
            raise Conflict("A colleague has reviewed it already.", code="emergency_access_reviewed")
        _event(
            actor, Action.EMERGENCY_REVIEWED, access,
            changes={"note": note}, detail={"verdict": verdict.value},
        )  # fmt: skip
        if not justified and EmergencyAccess.objects.open(now=now).filter(pk=access.pk).exists():
            end_emergency_access(actor=actor, access=access)
    access.refresh_from_db()


def _telling(reason: str) -> str:
    text = required_reason(reason)
    if len(text) < SHORTEST_REASON:
        raise ValidationFailed.of(
            "reason", "min_length", "Say it so that a colleague can judge it: who asked you, and for what."
        )
    return text


def _event(actor: User, action: Action, access: EmergencyAccess, **facts: dict[str, object]) -> None:
    record(
        actor=actor, action=action, entity=access, patient=access.consultation_id,
        purpose=Purpose.EMERGENCY, **facts,  # type: ignore[arg-type]  # as `record` has them
    )  # fmt: skip
