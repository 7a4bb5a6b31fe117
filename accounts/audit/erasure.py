"""Values behind the commitments: opened for a reason, and lawfully erased; each with its event.

Erasing takes the values and their salts away for good. The events stand with their commitments, so
every proof still holds; without the salt a commitment tells nothing about the value.
"""

import hashlib
import json
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q

from accounts.audit.canonical import utc_text
from accounts.audit.commitments import commitment
from accounts.audit.models import AuditDisclosure, AuditEvent
from accounts.audit.recorder import record
from accounts.audit.vocabulary import Action, Purpose
from accounts.policy import Permission, require
from dermatech.core.errors import NotFound

if TYPE_CHECKING:
    from accounts.models import User


def erase_patient(*, actor: "User", patient: uuid.UUID, reason: str) -> int:
    """Erase all values recorded about one patient; how many events had some. Raises Forbidden."""
    return _erase(actor, Q(patient_id=patient), Purpose.PATIENT_REQUEST, reason, patient=patient)


def erase_before(*, actor: "User", moment: datetime, reason: str) -> int:
    """Erase all values recorded before `moment`; how many events had some. Raises Forbidden."""
    condition = Q(event__recorded_at__lt=moment)
    return _erase(actor, condition, Purpose.COMPLIANCE, reason, before=utc_text(moment))


def disclose(*, actor: "User", event_id: uuid.UUID, reason: str) -> dict[str, dict[str, Any]]:
    """The values of one event by field, each with its salt and whether it fits its commitment.

    Raises Forbidden, and NotFound when there are none, or none any more.
    """
    require(actor, Permission.OPERATIONS_READ)
    row = AuditDisclosure.objects.select_related("event").filter(pk=event_id).first()
    if row is None:
        raise NotFound("This event has no recorded values, or they were erased.")
    committed = json.loads(row.event.canonical_json)["changes"]
    opened = json.loads(row.values)
    with transaction.atomic():
        record(
            actor=actor, action=Action.AUDIT_DISCLOSED, entity=row.event, patient=row.event.patient_id,
            purpose=Purpose.COMPLIANCE, detail={"reason": reason, "fields": " ".join(sorted(opened))},
        )  # fmt: skip
    for field, opening in opened.items():
        told = commitment(field, opening["value"], bytes.fromhex(opening["salt"]))
        opening["fits"] = told == committed.get(field)
    return dict(opened)


def _erase(
    actor: "User",
    condition: Q,
    purpose: Purpose,
    reason: str,
    *,
    patient: uuid.UUID | None = None,
    before: str | None = None,
) -> int:
    require(actor, Permission.OPERATIONS_READ)
    with transaction.atomic():
        rows = AuditDisclosure.objects.filter(condition)
        ids = hashlib.sha256()
        count = 0
        for key in rows.order_by("pk").values_list("pk", flat=True).iterator():
            ids.update(f"{key}\n".encode())
            count += 1
        if not count:
            return 0
        # Which events they were can be told again from the log; the digest proves the list.
        record(
            actor=actor, action=Action.AUDIT_ERASED, purpose=purpose, patient=patient,
            entity=(AuditEvent._meta.label_lower, ""),
            detail={"events": count, "before": before, "reason": reason, "ids_sha256": ids.hexdigest()},
        )  # fmt: skip
        AuditDisclosure.objects.filter(pk__in=rows.values("pk")).delete()
    return count
