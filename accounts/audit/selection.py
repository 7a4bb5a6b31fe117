"""Which events an export holds."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from accounts.audit.canonical import utc_text


@dataclass(frozen=True, slots=True)
class Selection:
    """Recorded at `since` or later and before `until`, by one person, about one patient, of one
    action; all events by default.

    `person` is the id of an account or a full name, exactly as it stands in the events; `patient`
    the id of a consultation.
    """

    since: datetime | None = None
    until: datetime | None = None
    person: str = ""
    patient: uuid.UUID | None = None
    action: str = ""

    @property
    def condition(self) -> Q:
        """On AuditLeaf; false when everything is asked for."""
        condition = Q()
        if self.since is not None:
            condition &= Q(event__recorded_at__gte=self.since)
        if self.until is not None:
            condition &= Q(event__recorded_at__lt=self.until)
        if self.person:
            condition &= Q(event__actor_id=self.person) | Q(event__actor_name=self.person)
        if self.patient is not None:
            condition &= Q(event__patient_id=self.patient)
        if self.action:
            condition &= Q(event__action=self.action)
        return condition

    def as_dict(self) -> dict[str, str | None]:
        """As it stands in the manifest; what was not asked for is null."""
        return {
            "since": utc_text(self.since) if self.since else None,
            "until": utc_text(self.until) if self.until else None,
            "person": self.person or None,
            "patient": str(self.patient) if self.patient else None,
            "action": self.action or None,
        }
