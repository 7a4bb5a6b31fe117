"""Giving the bundle to somebody who may see the consultation, and recording that they read it."""

import uuid

from django.db import transaction

from accounts import audit
from accounts.models import User
from consultations import selectors
from consultations.fhir.bundle import bundle
from consultations.fhir.source import read
from dermatech.core.releases import canonical_json


def consultation_bundle(*, actor: User, consultation_id: uuid.UUID) -> bytes:
    """The consultation as canonical FHIR JSON. Raises NotFound."""
    row = selectors.consultation_for(actor, consultation_id)
    made = canonical_json(bundle(read(row)))
    with transaction.atomic():
        audit.record(
            actor=actor,
            action=audit.Action.CONSULTATION_READ,
            entity=row,
            patient=row.pk,
            detail={"format": "fhir"},
        )
    return made
