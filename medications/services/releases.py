"""From working rows to a release: build, check, propose, approve, roll back."""

from collections import defaultdict
from typing import Any

from django.db import transaction

from accounts.audit import Action, Purpose, record
from accounts.models import User
from accounts.policy import Permission, require
from dermatech.core import releases
from dermatech.core.errors import Conflict, FieldError, Unprocessable
from dermatech.core.releases import ReleaseState, ReviewState
from medications.checks import Fault, check
from medications.models import (
    AllergyClass,
    FormularyRelease,
    HealthConcept,
    Interaction,
    InteractionClass,
    Medication,
    MedicineName,
    Regimen,
    Treatment,
    UseLimit,
)
from medications.snapshot import WorkingRows, compose
from triage.models import Condition, ContentState

MAX_FAULTS = 50  # of the faults found, how many an error repeats
_REVIEWED = (Medication, Treatment, InteractionClass, AllergyClass, MedicineName, HealthConcept, UseLimit)


def working_rows() -> WorkingRows:
    """Every working row, in ten queries."""
    interactions: defaultdict[str, list[Interaction]] = defaultdict(list)
    for entry in Interaction.objects.select_related("medication"):
        interactions[entry.medication.code].append(entry)
    regimens: defaultdict[str, list[Regimen]] = defaultdict(list)
    for regimen in Regimen.objects.select_related("treatment__medication"):
        regimens[regimen.treatment.code].append(regimen)
    return WorkingRows(
        medications=list(Medication.objects.all()),
        interactions=interactions,
        treatments=list(Treatment.objects.select_related("medication")),
        regimens=regimens,
        interaction_classes=list(InteractionClass.objects.all()),
        allergy_classes=list(AllergyClass.objects.all()),
        medicine_names=list(MedicineName.objects.all()),
        health_concepts=list(HealthConcept.objects.all()),
        use_limits=list(UseLimit.objects.all()),
        conditions=list(Condition.objects.only("code", "name", "synonyms")),
    )


def build_snapshot() -> dict[str, Any]:
    """The canonical snapshot of the working rows."""
    return compose(working_rows())


def check_working_rows() -> list[Fault]:
    """Everything that stands against releasing the working rows as they are."""
    return check(build_snapshot())


def publish_release(*, actor: User | None, title: str) -> FormularyRelease:
    """Starter content into force at once, marked as not reviewed. Raises Unprocessable with the faults."""
    snapshot = _checked_snapshot()
    with transaction.atomic():
        release = releases.publish(FormularyRelease, snapshot=snapshot, title=title)
        _audit(actor, Action.RELEASE_APPROVED, release)
    return release


def propose_release(*, actor: User, title: str) -> FormularyRelease:
    """A release for a second supervisor to approve. Raises Forbidden, Unprocessable with the faults."""
    require(actor, Permission.RELEASE_PROPOSE)
    snapshot = _checked_snapshot()
    with transaction.atomic():
        release = releases.propose(FormularyRelease, snapshot=snapshot, actor=actor, title=title)
        _audit(actor, Action.RELEASE_PROPOSED, release)
    return release


def approve_release(*, actor: User, release: FormularyRelease) -> FormularyRelease:
    """Put a proposed release into force. Raises Forbidden (own proposal), Conflict (decided already).

    Working rows that still are what was released count as reviewed from then on.
    """
    require(actor, Permission.RELEASE_APPROVE)
    if release.state != ReleaseState.PROPOSED:
        raise Conflict("This release is not waiting for approval.", code="release_decided")
    with transaction.atomic():
        approved = releases.activate(release, actor=actor)
        if approved.review_state == ReviewState.REVIEWED:
            for model in _REVIEWED:  # rows edited after the proposal keep saying so
                model._default_manager.filter(updated_at__lte=approved.created_at).update(
                    content_state=ContentState.REVIEWED
                )
        _audit(actor, Action.RELEASE_APPROVED, approved)
    return approved


def roll_back(*, actor: User, release: FormularyRelease) -> FormularyRelease:
    """Bring an archived release back into force. Raises Forbidden, Conflict."""
    require(actor, Permission.RELEASE_APPROVE)
    if release.state != ReleaseState.ARCHIVED:
        raise Conflict("Only an archived release can be brought back.", code="release_not_archived")
    with transaction.atomic():
        restored = releases.activate(release, actor=actor)
        _audit(actor, Action.RELEASE_ROLLED_BACK, restored)
    return restored


def _checked_snapshot() -> dict[str, Any]:
    snapshot = build_snapshot()
    faults = check(snapshot)
    if not faults:
        return snapshot
    raise Unprocessable(
        f"The formulary cannot be released: {len(faults)} faults, the first at {faults[0].place}: "
        f"{faults[0].message}",
        code="release_checks_failed",
        errors=[
            FieldError(fault.place, "release_check_failed", fault.message) for fault in faults[:MAX_FAULTS]
        ],
    )


def _audit(actor: User | None, action: Action, release: FormularyRelease) -> None:
    record(
        actor=actor,
        action=action,
        entity=release,
        purpose=Purpose.OPERATIONS,
        detail={
            "release": release.label,
            "title": release.title,
            "sha256": release.content_hash,
            "review_state": release.review_state,
        },
    )
