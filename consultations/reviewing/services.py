"""Judging a case. Nobody judges their own."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import audit, policy
from accounts.models import User
from consultations import selectors
from consultations.models import OTHER_DIAGNOSIS, Consultation, Review, TriageLevel, Verdict
from consultations.services import guards
from dermatech.core.errors import FieldError, Forbidden, ValidationFailed
from triage.selectors import knowledge_of

LONGEST_COMMENT = 2000


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a supervisor says; `right_*` where they disagree."""

    diagnosis: str
    level: str
    medicine: str
    right_diagnosis: str = ""
    right_level: str = ""
    comment: str = ""


def record_review(*, actor: User, consultation_id: uuid.UUID, judgement: Judgement) -> Review:
    """Write a judgement down, in place of an earlier one of the same person. The pharmacist's phone gets
    it with the consultation, which counts as changed.

    Raises Forbidden (`own_case`), NotFound, ValidationFailed.
    """
    policy.require(actor, policy.Permission.CONSULTATION_REVIEW)
    found = selectors.consultation_for(actor, consultation_id)
    guards.check_supervised(actor, found)
    if is_own(actor, found):
        raise Forbidden("You were part of this case; a colleague must review it.", code="own_case")
    with transaction.atomic():
        row = Consultation.objects.select_for_update().get(pk=found.pk)
        _check(judgement, row)
        review, _ = Review.objects.update_or_create(
            consultation=row,
            reviewer=actor,
            defaults={
                "diagnosis": judgement.diagnosis,
                "level": judgement.level,
                "medicine": judgement.medicine,
                "right_diagnosis": _kept(judgement.diagnosis, judgement.right_diagnosis),
                "right_level": _kept(judgement.level, judgement.right_level),
                "comment": judgement.comment.strip(),
                "seen_version": row.version,
                "seen_diagnosis": row.working_diagnosis,
                "seen_level": row.triage_level,
            },
        )
        Consultation.objects.filter(pk=row.pk).update(version=F("version") + 1, updated_at=timezone.now())
        audit.record(
            actor=actor, action=audit.Action.REVIEW_RECORDED, entity=review, patient=row.pk,
            purpose=audit.Purpose.QUALITY, changes={"comment": review.comment},
            detail={
                "diagnosis": review.diagnosis, "level": review.level, "medicine": review.medicine,
                "right_level": review.right_level, "seen_version": review.seen_version,
            },
        )  # fmt: skip
    return review


def is_own(actor: User, row: Consultation) -> bool:
    """Whether `actor` had a part in the case: opened it, or decided."""
    return row.pharmacist_id == actor.pk or (row.decision or {}).get("decided_by") == str(actor.pk)


def _kept(verdict: str, right: str) -> str:
    return right if verdict == Verdict.DISAGREE else ""


def _check(said: Judgement, row: Consultation) -> None:
    errors = [
        FieldError(name, "invalid_choice", "Choose: agree, disagree, or cannot tell.")
        for name in ("diagnosis", "level", "medicine")
        if getattr(said, name) not in Verdict.values
    ]
    known: Mapping[str, object] = knowledge_of(row.guidelines_release).conditions
    if said.diagnosis == Verdict.DISAGREE:
        if said.right_diagnosis != OTHER_DIAGNOSIS and said.right_diagnosis not in known:
            errors.append(FieldError("right_diagnosis", "required", "Say what you hold it for."))
        elif said.right_diagnosis == row.working_diagnosis:
            errors.append(FieldError("right_diagnosis", "the_same", "That is the pharmacist's diagnosis."))
    if said.level == Verdict.DISAGREE:
        if said.right_level not in TriageLevel.values:
            errors.append(FieldError("right_level", "required", "Say which level is right."))
        elif said.right_level == row.triage_level:
            errors.append(FieldError("right_level", "the_same", "That is the system's level."))
    disagrees = Verdict.DISAGREE in (said.diagnosis, said.level, said.medicine)
    if disagrees and not said.comment.strip():
        errors.append(FieldError("comment", "required", "Tell the pharmacist why you disagree."))
    if len(said.comment) > LONGEST_COMMENT:
        errors.append(FieldError("comment", "max_length", f"At most {LONGEST_COMMENT} characters, please."))
    if errors:
        raise ValidationFailed(errors=errors)
