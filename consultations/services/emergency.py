"""A supervisor opens one record outside their region in an emergency."""

import uuid

from accounts import audit, policy, services
from accounts.models import EmergencyAccess, User
from consultations.models import Consultation
from dermatech.core.errors import Conflict, NotFound


def open_record(*, actor: User, consultation_id: uuid.UUID, reason: str, hours: int) -> EmergencyAccess:
    """Let `actor` read the consultation for `hours`; the log and the colleagues are told.

    Raises Forbidden, ValidationFailed, Conflict `within_reach` where nothing needs to be opened, and
    NotFound, which is recorded: trying ids is not a way to find records.
    """
    policy.require(actor, policy.Permission.EMERGENCY_OPEN)
    rows = Consultation.objects.select_related("premises").filter(pk=consultation_id)
    if rows.filter(policy.scope(actor, policy.Verb.SUPERVISE, Consultation)).exists():
        raise Conflict("You may read this record anyway; search for it.", code="within_reach")
    found = rows.first()
    if found is None:
        audit.denied(
            actor=actor, action=audit.Action.ACCESS_DENIED, purpose=audit.Purpose.EMERGENCY,
            entity=("consultations.consultation", str(consultation_id)),
        )  # fmt: skip
        raise NotFound("There is no record with this id.")
    return services.open_emergency_access(
        actor=actor, consultation_id=found.pk, premises=found.premises, reason=reason, hours=hours
    )
