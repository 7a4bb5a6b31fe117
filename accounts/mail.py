"""Letters: queued in the transaction of what they tell of, sent by a worker, retried.

No request ever waits for a mail server or fails because of one.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone

from accounts import resets
from accounts.audit import Action, Purpose, receipts, record
from accounts.models import AccountState, OutgoingMail, User

logger = logging.getLogger(__name__)

Kind = OutgoingMail.Kind
_State = OutgoingMail.State

_LEASE: Final = timedelta(minutes=2)
_MOST_ATTEMPTS: Final = 8  # with doubling pauses from one minute: about two hours
_SERVER_SECONDS: Final = 10
# Letters that a stranger can cause: at most one of a kind per person in this time.
_UNASKED: Final = frozenset({Kind.PASSWORD_RESET, Kind.REGISTRATION_DUPLICATE})
_QUIET: Final = timedelta(minutes=5)
_WITH_RESET_CODE: Final = frozenset({Kind.PASSWORD_RESET, Kind.ACCOUNT_CREATED})
_WITH_CONFIRMATION: Final = frozenset({Kind.REGISTRATION_RECEIVED, Kind.REGISTRATION_DUPLICATE})
_MAY_RESET: Final = frozenset({AccountState.PENDING, AccountState.VERIFIED})

SUBJECTS: Final[dict[str, str]] = {
    Kind.REGISTRATION_RECEIVED: "Your registration with DermaTech Ghana was received",
    Kind.REGISTRATION_DUPLICATE: "You already have an account with DermaTech Ghana",
    Kind.REGISTRATION_VERIFIED: "Your DermaTech Ghana account is ready",
    Kind.REGISTRATION_REFUSED: "Your registration with DermaTech Ghana was not accepted",
    Kind.ACCOUNT_CREATED: "An account with DermaTech Ghana was made for you",
    Kind.ACCOUNT_DEACTIVATED: "Your DermaTech Ghana account was closed",
    Kind.PASSWORD_RESET: "Reset your DermaTech Ghana password",
    Kind.PASSWORD_CHANGED: "Your DermaTech Ghana password was changed",
    Kind.AUDIT_CHECKPOINT: "Today's checkpoint of the audit log",
    Kind.SECOND_FACTOR_CHANGED: "The second factor of your DermaTech Ghana account was changed",
    Kind.REGISTRATION_QUESTION: "A question about your registration with DermaTech Ghana",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent."""

    to: str
    subject: str
    text: str
    html: str


def enqueue(kind: OutgoingMail.Kind, *, user: User | None = None, address: str = "") -> OutgoingMail:
    """Queue one letter in the caller's transaction, to `user` or, unseen, to `address`."""
    return OutgoingMail.objects.create(kind=kind, user=user, address=address, due_at=timezone.now())


def deliver_due(*, most: int = 20) -> int:
    """Send what is due; returns how many letters went out. Several workers may run it at once."""
    now = timezone.now()
    due = OutgoingMail.objects.filter(state=_State.QUEUED, due_at__lte=now).order_by("due_at")
    return sum(_deliver(mail, now) for mail in due.select_related("user")[:most])


def _deliver(mail: OutgoingMail, now: datetime) -> bool:
    # The lease: of two workers that read the same row, one moves `due_at`.
    mine = OutgoingMail.objects.filter(pk=mail.pk, state=_State.QUEUED, due_at=mail.due_at).update(
        due_at=now + _LEASE, attempts=F("attempts") + 1, updated_at=now
    )
    if not mine:
        return False
    user = _recipient(mail)
    if user is None or _too_soon(mail, user, now):
        OutgoingMail.objects.filter(pk=mail.pk).update(state=_State.DROPPED, address="", updated_at=now)
        return False
    try:
        _send(compose(mail.kind, user))
    except Exception as error:  # one bad letter or server must not stop the others
        _postpone(mail, error, now)
        return False
    with transaction.atomic():
        OutgoingMail.objects.filter(pk=mail.pk).update(
            state=_State.SENT, sent_at=timezone.now(), user=user, address="", error="", updated_at=now
        )
        if mail.kind == Kind.PASSWORD_RESET:
            record(
                actor=None, action=Action.AUTH_PASSWORD_RESET_REQUESTED, entity=user,
                purpose=Purpose.ADMINISTRATION, detail={"step": "letter sent"},
            )  # fmt: skip
    return True


def _recipient(mail: OutgoingMail) -> User | None:
    user = mail.user or User.objects.filter(email=mail.address).first()
    if user is not None and mail.kind in _WITH_RESET_CODE and user.state not in _MAY_RESET:
        return None
    return user


def _too_soon(mail: OutgoingMail, user: User, now: datetime) -> bool:
    return (
        mail.kind in _UNASKED
        and OutgoingMail.objects.filter(
            user=user, kind=mail.kind, state=_State.SENT, sent_at__gt=now - _QUIET
        ).exists()
    )


def _postpone(mail: OutgoingMail, error: Exception, now: datetime) -> None:
    attempts = mail.attempts + 1
    final = attempts >= _MOST_ATTEMPTS
    logger.warning("mail %s (%s) was not sent, attempt %d", mail.pk, mail.kind, attempts, exc_info=error)
    OutgoingMail.objects.filter(pk=mail.pk).update(
        state=_State.FAILED if final else _State.QUEUED,
        due_at=now + timedelta(minutes=2 ** (attempts - 1)),
        error=f"{type(error).__name__}: {error}"[:200],
        updated_at=now,
    )


def compose(kind: str, user: User) -> Letter:
    """The letter of `kind` to `user`. Names given by whoever registered are not repeated in it:
    a stranger must not be able to put words into our letters."""
    context: dict[str, object] = {"user": user, "public_url": settings.PUBLIC_URL.rstrip("/")}
    if kind in _WITH_RESET_CODE:
        uid, token = resets.make(user)
        context |= {"uid": uid, "token": token, "hours": int(resets.LIFETIME.total_seconds() // 3600)}
    elif kind in _WITH_CONFIRMATION and user.email_confirmed_at is None:
        uid, token = resets.make_confirmation(user)
        context |= {"uid": uid, "token": token}
    elif kind == Kind.AUDIT_CHECKPOINT:
        context |= receipts.letter_context()
    context["subject"] = SUBJECTS[kind]
    return Letter(
        to=user.email,
        subject=SUBJECTS[kind],
        text=render_to_string(f"accounts/mail/{kind}.txt", context),
        html=render_to_string(f"accounts/mail/{kind}.html", context),
    )


def _send(letter: Letter) -> None:
    connection = get_connection(timeout=_SERVER_SECONDS)
    message = EmailMultiAlternatives(letter.subject, letter.text, to=[letter.to], connection=connection)
    message.attach_alternative(letter.html, "text/html")
    message.send()
