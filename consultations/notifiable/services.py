"""Passing a suspicion on: the form, the mark that it was sent, and taking the mark back."""

import uuid
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit, policy
from accounts.models import User
from consultations import selectors
from consultations.documents import pdf, words
from consultations.documents.printing import Printer
from consultations.documents.services import Document
from consultations.models import Channel, Consultation, Notification
from consultations.notifiable import form
from consultations.services import guards
from dermatech.core.errors import Conflict, ValidationFailed

_CLOCKS_DIFFER = timedelta(minutes=5)


def notification_form(*, actor: User, consultation_id: uuid.UUID) -> Document:
    """The form for the authority, filled in as far as the record goes.

    Raises Forbidden, NotFound, Conflict (`not_notifiable`).
    """
    policy.require(actor, policy.Permission.CONSULTATION_READ_ALL)
    row = selectors.consultation_for(actor, consultation_id)
    if not row.triage.get("notify"):
        raise Conflict("No rule asks for this case to be passed on.", code="not_notifiable")
    printer = Printer()
    shown = printer.all(form.content(row))
    shown["reference"] = str(row.pk)
    shown["lost"] = words.LOST_LETTERS if printer.lost else ""
    made = pdf.build("notification", shown, made=row.updated_at)
    with transaction.atomic():
        audit.record(
            actor=actor,
            action=audit.Action.REPORT_READ,
            entity=row,
            patient=row.pk,
            purpose=audit.Purpose.COMPLIANCE,
            detail={"document": "notification_form"},
        )
    return Document(made, f"notification-{str(row.pk)[-8:]}.pdf")


def mark_sent(
    *,
    actor: User,
    consultation_id: uuid.UUID,
    sent_to: str,
    channel: str,
    sent_at: datetime,
    reference: str = "",
) -> Notification:
    """Say that the suspicion was passed on. Raises Forbidden, NotFound, ValidationFailed, Conflict
    (`not_notifiable`, `already_sent`)."""
    policy.require(actor, policy.Permission.NOTIFICATION_SEND)
    row = selectors.consultation_for(actor, consultation_id)
    guards.check_supervised(actor, row)
    _check(sent_to, channel, sent_at, row)
    disease = str(row.triage.get("notify") or "")
    if not disease:
        raise Conflict("No rule asks for this case to be passed on.", code="not_notifiable")
    made = Notification(
        consultation=row, disease=disease[:300], sent_to=sent_to.strip(), channel=channel,
        sent_at=sent_at, sent_by=actor, reference=reference.strip(),
    )  # fmt: skip
    try:
        with transaction.atomic():
            made.save(force_insert=True)
            audit.record(
                actor=actor, action=audit.Action.NOTIFICATION_SENT, entity=made, patient=row.pk,
                purpose=audit.Purpose.COMPLIANCE,
                detail={
                    "disease": made.disease, "to": made.sent_to, "channel": channel,
                    "reference": made.reference,
                },
            )  # fmt: skip
    except IntegrityError:
        raise Conflict("A colleague has marked this as sent already.", code="already_sent") from None
    return made


def take_back(*, actor: User, consultation_id: uuid.UUID) -> None:
    """The mark was a mistake: the case waits again. Raises Forbidden, NotFound, Conflict (`not_sent`)."""
    policy.require(actor, policy.Permission.NOTIFICATION_SEND)
    row = selectors.consultation_for(actor, consultation_id)
    guards.check_supervised(actor, row)
    with transaction.atomic():
        found = Notification.objects.select_for_update().filter(consultation=row).first()
        if found is None:
            raise Conflict("This case is not marked as sent.", code="not_sent")
        audit.record(
            actor=actor, action=audit.Action.NOTIFICATION_WITHDRAWN, entity=found, patient=row.pk,
            purpose=audit.Purpose.COMPLIANCE, detail={"disease": found.disease, "to": found.sent_to},
        )  # fmt: skip
        found.delete()


def _check(sent_to: str, channel: str, sent_at: datetime, row: Consultation) -> None:
    if not sent_to.strip():
        raise ValidationFailed.of("sent_to", "required", "Say who was told.")
    if channel not in Channel.values:
        raise ValidationFailed.of("channel", "invalid_choice", f"One of: {', '.join(Channel.values)}.")
    if sent_at > timezone.now() + _CLOCKS_DIFFER:
        raise ValidationFailed.of("sent_at", "in_the_future", "This time has not come yet.")
    if sent_at.date() < row.created_at.date():
        raise ValidationFailed.of("sent_at", "too_early", "The patient came later than that.")
