"""What must hold before a consultation may be changed."""

from django.db.models import F
from django.utils import timezone

from accounts import policy
from accounts.models import User
from consultations import selectors
from consultations.models import Consultation
from dermatech.core.errors import Conflict, Forbidden, NotFound, Unprocessable


def locked(consultation: Consultation) -> Consultation:
    """The row as it stands now, locked until the transaction ends, and still open."""
    rows = selectors.detailed(Consultation.objects.select_for_update(of=("self",)))
    row = rows.filter(pk=consultation.pk).first()
    if row is None:
        raise NotFound
    check_open(row)
    return row


def check_open(consultation: Consultation) -> None:
    """Raise Conflict for a closed consultation."""
    if consultation.is_closed:
        raise Conflict(
            "This consultation is closed; open a new one for a new visit.", code="consultation_closed"
        )


def check_supervised(actor: User, consultation: Consultation) -> None:
    """Raise Forbidden for a supervisor who may read this case only because they opened it in an emergency."""
    rows = Consultation.objects.filter(policy.scope(actor, policy.Verb.SUPERVISE, Consultation))
    if not rows.filter(pk=consultation.pk).exists():
        raise Forbidden("What was opened in an emergency may be read, nothing else.", code="read_only")


def check_photo_consent(consultation: Consultation) -> None:
    """Raise Unprocessable unless the patient (or who answers for them) agreed to photos."""
    if not consultation.consent_photo:
        raise Unprocessable(
            "A photo needs the consent of the patient, a parent or a guardian: set consent.photo.",
            code="consent_required",
        )


def bump(consultation: Consultation) -> None:
    """A new version, hence a new ETag, of a locked consultation."""
    Consultation.objects.filter(pk=consultation.pk).update(
        version=F("version") + 1, updated_at=timezone.now()
    )
    consultation.refresh_from_db(fields=["version", "updated_at"])
