"""Opening and changing consultations: every change is evaluated again, recorded, and one transaction."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

from django.db import IntegrityError, transaction

from accounts import audit, policy
from accounts.models import User
from consultations import selectors
from consultations.models import Consultation
from consultations.services import analyses, decisions, guards, intake, photos, results
from consultations.services.evaluation import Evaluation
from dermatech.core.errors import Conflict, Forbidden


@contextmanager
def creating(
    *, actor: User, data: Mapping[str, Any], uploads: Sequence[BinaryIO] = ()
) -> Iterator[Consultation]:
    """Open a consultation, its photos with it and their analysis queued; yields it inside the one
    transaction, so that the caller may add to it.

    Everything is checked, and the photos are made safe and stored, before the transaction begins;
    if it does not commit the files are deleted. Raises Forbidden, ValidationFailed, Unprocessable
    (`consent_required`), Conflict (`client_reference_taken`), PhotoRefused, Unavailable.
    """
    policy.require(actor, policy.Permission.CONSULTATION_WRITE)
    if actor.premises_id is None:
        raise Forbidden("Your account belongs to no premises yet.", code="premises_required")
    consultation = Consultation(
        pharmacist=actor, premises_id=actor.premises_id, client_reference=data.get("client_reference") or ""
    )
    evaluation = _draft(consultation, data, actor=actor)
    if uploads:
        guards.check_photo_consent(consultation)
    _check_reference(consultation)
    safe = photos.make_safe(actor=actor, uploads=uploads)
    with photos.stored(safe, consultation_id=consultation.pk) as files:
        try:
            with transaction.atomic():
                _insert(consultation, evaluation, actor=actor, files=files)
                yield consultation
        except IntegrityError:
            _check_reference(consultation)  # two requests at once: the loser is told as if it came later
            raise


def create_consultation(
    *, actor: User, data: Mapping[str, Any], uploads: Sequence[BinaryIO] = ()
) -> Consultation:
    """`creating` with nothing to add."""
    with creating(actor=actor, data=data, uploads=uploads) as consultation:
        return consultation


@contextmanager
def updating(
    *,
    actor: User,
    consultation_id: uuid.UUID,
    data: Mapping[str, Any],
    replace: bool,
    precondition: Callable[[Consultation], None] = lambda _: None,
) -> Iterator[Consultation]:
    """Change an open consultation (`replace` is PUT); yields it inside the transaction.

    `precondition` is called with the locked row and may refuse. A body that changes nothing writes
    nothing. Raises NotFound, Forbidden, Conflict (`consultation_closed`), ValidationFailed,
    Unprocessable (`override_reason_required`), PreconditionFailed.
    """
    policy.require(actor, policy.Permission.CONSULTATION_WRITE)
    found = selectors.consultation_for(actor, consultation_id)
    known = results.published()
    with transaction.atomic():
        consultation = guards.locked(found)
        precondition(consultation)
        before = intake.snapshot(consultation)
        intake.apply(consultation, data, knowledge=known.knowledge, replace=replace)
        evaluation = results.assess_consultation(
            consultation,
            cadre=actor.cadre,
            known=known,
            evidence=selectors.image_evidence(consultation),
        )
        _settle(consultation, data, actor=actor, evaluation=evaluation, known=known)
        changes = intake.changed(before, intake.snapshot(consultation))
        if changes:
            replaced = {name: before[name] for name in changes if name in before}
            _save_changes(consultation, evaluation, changes, before=replaced, actor=actor)
        else:
            consultation = guards.locked(found)  # as it is, without what was tried on it
            record_read(actor=actor, consultation=consultation)
        yield consultation


def update_consultation(
    *, actor: User, consultation_id: uuid.UUID, data: Mapping[str, Any], replace: bool = False
) -> Consultation:
    """`updating` with nothing to add."""
    with updating(actor=actor, consultation_id=consultation_id, data=data, replace=replace) as consultation:
        return consultation


def record_read(*, actor: User, consultation: Consultation) -> None:
    """Somebody read one patient's record."""
    audit.record(
        actor=actor,
        action=audit.Action.CONSULTATION_READ,
        entity=consultation,
        patient=consultation.pk,
    )


# A detail text holds a thousand characters, which is 27 ids with their commas.
_IDS_PER_TEXT = 27


def record_list(*, actor: User, ids: Sequence[uuid.UUID]) -> None:
    """Somebody read a page of records: one event, which names them all."""
    chunks = [ids[start : start + _IDS_PER_TEXT] for start in range(0, len(ids), _IDS_PER_TEXT)]
    named = {f"ids_{n}": ",".join(map(str, chunk)) for n, chunk in enumerate(chunks, start=1)}
    audit.record(actor=actor, action=audit.Action.CONSULTATION_LISTED, detail={"count": len(ids), **named})


def _draft(consultation: Consultation, data: Mapping[str, Any], *, actor: User) -> Evaluation:
    known = results.published()
    intake.apply(consultation, data, knowledge=known.knowledge, replace=True)
    evaluation = results.assess_consultation(consultation, cadre=actor.cadre, known=known, evidence=None)
    _settle(consultation, data, actor=actor, evaluation=evaluation, known=known)
    return evaluation


def _settle(
    consultation: Consultation,
    data: Mapping[str, Any],
    *,
    actor: User,
    evaluation: Evaluation,
    known: results.Published,
) -> None:
    """Decision and outcome, judged against the evaluation of what the same body says."""
    if "decision" in data:
        decisions.decide(
            consultation,
            data["decision"],
            actor=actor,
            evaluation=evaluation,
            formulary=known.formulary,
        )
    if data.get("outcome") is not None:
        decisions.close(consultation, data["outcome"])


def _insert(
    consultation: Consultation,
    evaluation: Evaluation,
    *,
    actor: User,
    files: Sequence[photos.StoredPhoto],
) -> None:
    consultation.save(force_insert=True)
    given = {
        name: value for name, value in intake.snapshot(consultation).items() if value not in (None, "", [])
    }
    audit.record(
        actor=actor,
        action=audit.Action.CONSULTATION_CREATED,
        entity=consultation,
        patient=consultation.pk,
        changes=given,
        detail={"level": consultation.triage_level},
    )
    rows = photos.insert(actor=actor, consultation=consultation, photos=files)
    results.replace_recommendations(consultation, evaluation, actor=actor)
    _record_acts(consultation, given, actor=actor)
    if rows:
        analyses.queue(actor=actor, consultation=consultation, photos=rows)


def _save_changes(
    consultation: Consultation,
    evaluation: Evaluation,
    changes: Mapping[str, Any],
    *,
    before: Mapping[str, Any],
    actor: User,
) -> None:
    consultation.version += 1
    consultation.save()
    audit.record(
        actor=actor,
        action=audit.Action.CONSULTATION_UPDATED,
        entity=consultation,
        patient=consultation.pk,
        changes=changes,
        before=before,
        detail={"level": consultation.triage_level},
    )
    results.replace_recommendations(consultation, evaluation, actor=actor)
    _record_acts(consultation, changes, actor=actor)


def _record_acts(consultation: Consultation, changes: Mapping[str, Any], *, actor: User) -> None:
    """Deciding and closing are acts of their own in the log."""
    if changes.get("decision") is not None:
        audit.record(
            actor=actor,
            action=audit.Action.DECISION_RECORDED,
            entity=consultation,
            patient=consultation.pk,
            changes={"decision": changes["decision"]},
            detail={
                "overridden": changes["decision"]["overridden"],
                "override_codes": ",".join(
                    sorted({each["code"] for each in changes["decision"]["overrides"]})
                ),
            },
        )
    if changes.get("outcome") is not None:
        audit.record(
            actor=actor,
            action=audit.Action.CONSULTATION_CLOSED,
            entity=consultation,
            patient=consultation.pk,
            changes={"outcome": changes["outcome"]},
        )


def _check_reference(consultation: Consultation) -> None:
    """Raise Conflict when the phone used this reference before; Location says for what."""
    if not consultation.client_reference:
        return
    taken = (
        Consultation.objects.filter(
            pharmacist_id=consultation.pharmacist_id, client_reference=consultation.client_reference
        )
        .values_list("pk", flat=True)
        .first()
    )
    if taken is not None:
        raise Conflict(
            "You have a consultation with this client_reference already; see Location.",
            code="client_reference_taken",
            headers={"Location": f"/api/v1/consultations/{taken}"},
        )
