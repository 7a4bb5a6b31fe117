"""What a patient may ask for (Data Protection Act 2012, Act 843): a copy, consent taken back, erasure;
and the time after which pictures go by themselves. What happens is foreseen before it happens.

What was asked, advised and supplied stays, without anything that names the patient: the pharmacy answers
for it, and the audit log proves it. The events of the log stay too; they hold salted commitments, and
erasure takes the values behind them away.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import policy
from accounts.audit import Action, Purpose, record
from accounts.audit.erasure import erase_patient
from accounts.models import IdempotencyRecord, User
from consultations import selectors
from consultations.models import LIVE, Analysis, Consultation, Photo, Review
from consultations.reviewing.selectors import reviews_of
from consultations.serializers import render
from consultations.services import storage
from consultations.uploads import services as uploads
from dermatech.core.errors import Conflict, NotFound, ValidationFailed

KEPT: Final = (
    "the facts that were asked (age, sex, findings, answers), without name, notes or picture",
    "what was advised, decided and supplied, with the releases it rests on",
    "the events of the audit log, as commitments that tell no value",
)
_TEXTS: Final = ("initials", "notes", "client_reference")


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an erasure will take away and what stays; shown before it happens."""

    photos: int
    heatmaps: int
    texts: tuple[str, ...]
    kept: tuple[str, ...] = KEPT


@dataclass(frozen=True, slots=True)
class PatientCopy:
    """Everything held about one consultation. `pictures`: file name -> content."""

    record: Mapping[str, Any]
    pictures: Mapping[str, bytes]


@dataclass(slots=True)
class RetentionReport:
    """What the time limit did, or would do."""

    before: datetime
    consultations: int = 0
    photos: int = 0
    heatmaps: int = 0
    postponed: list[str] = field(default_factory=list)


def foresee(consultation: Consultation) -> Foreseen:
    """What `withdraw_consent` and `erase` would take away now."""
    return Foreseen(
        photos=consultation.photos.count(),
        heatmaps=consultation.analyses.exclude(heatmap="").count(),
        texts=tuple(name for name in _TEXTS if getattr(consultation, name)),
    )


def export_patient(*, actor: User, consultation: Consultation) -> PatientCopy:
    """A copy of all that is held, for the patient. Raises Forbidden, NotFound, StorageUnavailable."""
    policy.require(actor, policy.Permission.CONSULTATION_READ_ALL)
    mine = Consultation.objects.filter(policy.scope(actor, policy.Verb.SUPERVISE, Consultation))
    row = selectors.detailed(mine).filter(pk=consultation.pk).first()
    if row is None:
        raise NotFound
    photos = list(row.photos.order_by("created_at"))
    latest = row.analyses.order_by("-created_at", "-id").first()
    copy = PatientCopy(
        record=render.consultation(
            row,
            photos=photos,
            latest=latest,
            recommendations=list(row.recommendations.current()),
            reviews=reviews_of(row),
        ),
        pictures={
            f"{photo.pk}.{photo.format}": storage.read(photo.file.name, sealed=bool(photo.key_id))
            for photo in photos
        },
    )
    with transaction.atomic():
        record(
            actor=actor, action=Action.CONSULTATION_READ, entity=row, patient=row.pk,
            purpose=Purpose.PATIENT_REQUEST, detail={"copy": "for the patient", "photos": len(photos)},
        )  # fmt: skip
    return copy


def withdraw_consent(*, actor: User, consultation: Consultation, reason: str) -> Foreseen:
    """The patient takes consent back: pictures, initials and notes go, the record of what was advised
    stays and is used for nothing else. Raises Forbidden, Conflict while an analysis runs."""
    policy.require(actor, policy.Permission.PATIENT_RIGHTS)
    _said(reason)
    with transaction.atomic():
        taken = _take_away(_locked(consultation))
        record(
            actor=actor, action=Action.CONSULTATION_UPDATED, entity=consultation, patient=consultation.pk,
            purpose=Purpose.PATIENT_REQUEST, changes={"consent_photo": False, "consent_data_use": False},
            detail={"step": "consent withdrawn", "photos": taken.photos, "reason": reason},
        )  # fmt: skip
    return taken


def erase(*, actor: User, consultation: Consultation, reason: str) -> Foreseen:
    """What `withdraw_consent` does, and the values behind the log's commitments too. Nothing that is
    left names the patient. Raises Forbidden, Conflict while an analysis runs."""
    with transaction.atomic():
        taken = withdraw_consent(actor=actor, consultation=consultation, reason=reason)
        _forget_answers(consultation)
        erase_patient(actor=actor, patient=consultation.pk, reason=reason)
    return taken


def apply_retention(*, before: datetime, dry_run: bool = False) -> RetentionReport:
    """Take the pictures of consultations from before a time away; the texts go with them."""
    report = RetentionReport(before=before)
    old = Consultation.objects.filter(created_at__lt=before)
    due = (old.filter(photos__isnull=False) | old.exclude(analyses__heatmap="")).distinct()
    for consultation in due.order_by("pk").iterator(chunk_size=100):
        ahead = foresee(consultation)
        if not (ahead.photos or ahead.heatmaps):
            continue
        if not dry_run:
            try:
                _retire(consultation)
            except Conflict as busy:
                report.postponed.append(f"{consultation.pk}: {busy.detail}")
                continue
        report.consultations += 1
        report.photos += ahead.photos
        report.heatmaps += ahead.heatmaps
    return report


def _retire(consultation: Consultation) -> None:
    with transaction.atomic():
        taken = _take_away(_locked(consultation), consent=True)
        record(
            actor=None, action=Action.CONSULTATION_UPDATED, entity=consultation, patient=consultation.pk,
            purpose=Purpose.COMPLIANCE, detail={"step": "kept long enough", "photos": taken.photos},
        )  # fmt: skip


def _locked(consultation: Consultation) -> Consultation:
    """The row as it stands, open or closed, that no worker is busy with."""
    row = Consultation.objects.select_for_update().filter(pk=consultation.pk).first()
    if row is None:
        raise NotFound
    if row.analyses.filter(status__in=LIVE).exists():
        raise Conflict("An analysis of it is not finished; try again in a minute.", code="analysis_running")
    return row


def _take_away(row: Consultation, *, consent: bool = False) -> Foreseen:
    """Pictures and texts, from the rows now and from the store once that is certain."""
    ahead = foresee(row)
    photos = list(row.photos.all())
    maps = list(row.analyses.exclude(heatmap=""))
    names = [name for photo in photos for name in photo.files.values()]
    names += [str(analysis.heatmap.name) for analysis in maps]
    Photo.objects.filter(consultation=row).delete()
    uploads.forget(row)
    Analysis.objects.filter(pk__in=[analysis.pk for analysis in maps]).update(heatmap="")
    Review.objects.filter(consultation=row).exclude(comment="").update(comment="")
    changes: dict[str, Any] = dict.fromkeys(_TEXTS, "")
    if not consent:
        changes |= {"consent_photo": False, "consent_data_use": False}
    Consultation.objects.filter(pk=row.pk).update(
        **changes, version=F("version") + 1, updated_at=timezone.now()
    )
    transaction.on_commit(lambda: storage.discard(names))
    return ahead


def _forget_answers(consultation: Consultation) -> None:
    """Answers kept for a day to be given again may name the patient."""
    marks = (str(consultation.pk),)
    kept = IdempotencyRecord.objects.filter(user__premises=consultation.premises_id).exclude(body="")
    _delete(row.pk for row in kept.iterator() if any(mark in row.body for mark in marks))


def _delete(keys: Iterable[Any]) -> None:
    IdempotencyRecord.objects.filter(pk__in=list(keys)).delete()


def _said(reason: str) -> None:
    if not reason.strip():
        raise ValidationFailed.of("reason", "required", "Say why; it stands in the audit log.")
