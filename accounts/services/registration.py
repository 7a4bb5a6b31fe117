"""Registration and what a supervisor decides about it.

pending --verify--> verified      pending --refuse--> refused
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import limits, mail, policy, resets, throttle
from accounts.audit import Action
from accounts.models import AccountState, Premises, Role, User, normalise_email
from accounts.numbers import NotANumber, registration_number, tidy_number
from accounts.services._shared import account_event, check_password_rules
from accounts.services.places import create_premises
from dermatech.core import context
from dermatech.core.errors import Conflict, Forbidden, ValidationFailed


@dataclass(frozen=True, slots=True)
class PremisesClaim:
    """Where somebody says they work; a supervisor checks it."""

    name: str
    licence_number: str
    region: str


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who somebody says they are; a supervisor checks it."""

    email: str
    full_name: str
    phone: str
    cadre: str
    registration_number: str
    premises: PremisesClaim


def register(*, actor: None, applicant: Applicant, password: str) -> None:
    """Take a registration. Says nothing about whether the address was known.

    A known address gets a letter instead of an account. Both ways do the same work; in a race the unique
    constraint decides. Raises ValidationFailed for a weak password, Throttled.
    """
    throttle.reserve(limits.request_buckets("register", address=context.current().address))
    user = User(
        email=normalise_email(applicant.email),
        full_name=applicant.full_name,
        phone=applicant.phone,
        role=Role.PHARMACIST,
        cadre=applicant.cadre,
        registration_number=tidy_number(applicant.registration_number),
        state=AccountState.PENDING,
    )
    check_password_rules(password, user=user, field="password")
    user.password = make_password(password)
    with transaction.atomic():
        # Of a known account the key alone: reading and decrypting the row would take its time.
        known = _key_of(user.email)
        created = _insert(user, applicant.premises, keep=known is None)
        owner = User(pk=user.pk if created else known or _key_of(user.email))
        account_event(
            actor=None, action=Action.ACCOUNT_REGISTERED, entity=owner, detail={"address_known": not created}
        )
        mail.enqueue(
            mail.Kind.REGISTRATION_RECEIVED if created else mail.Kind.REGISTRATION_DUPLICATE, user=owner
        )


def _key_of(email: str) -> uuid.UUID | None:
    return User.objects.filter(email=email).values_list("pk", flat=True).first()


class _TakeBackError(Exception):
    """Undoes an insert that was made for the time it takes."""


def _insert(user: User, claim: PremisesClaim, *, keep: bool) -> bool:
    """Whether the row went in. For a known address the same rows are written and taken back at once, the
    premises too, so that both ways take as long."""
    email = user.email
    try:
        with transaction.atomic():
            user.premises = premises_of(claim)
            if not keep:
                user.email = f"{user.pk}@taken-back.invalid"
            user.save(force_insert=True)
            if not keep:
                raise _TakeBackError
    except _TakeBackError:
        return False
    except IntegrityError:  # somebody registered the same address in the same moment
        if not User.objects.filter(email=email).exists():
            raise  # another constraint: a defect of ours, not a known address
        return False
    return True


def premises_of(claim: PremisesClaim) -> Premises:
    """The premises of a licence; what is on record under it stays as it is."""
    licence = tidy_number(claim.licence_number)
    on_record = Premises.objects.filter(licence_number__iexact=licence)
    if (found := on_record.first()) is not None:
        return found
    try:
        return create_premises(actor=None, name=claim.name, licence_number=licence, region=claim.region)
    except Conflict:
        return on_record.get()  # somebody else of this place registered in the same moment


def confirm_email(*, actor: None, uid: str, token: str) -> None:
    """The owner of an address has answered the first letter; again is fine. Raises ValidationFailed
    `token` with code `confirmation_token_invalid`."""
    user_id = resets.user_id(uid)
    user = User.objects.filter(pk=user_id).first() if user_id else None
    if user is None or not resets.confirms(user, token):
        raise ValidationFailed.of(
            "token",
            "confirmation_token_invalid",
            "This code is wrong or too old; register again for a new one.",
        )
    now = timezone.now()
    with transaction.atomic():
        if User.objects.filter(pk=user.pk, email_confirmed_at=None).update(
            email_confirmed_at=now, updated_at=now
        ):
            account_event(
                actor=user, action=Action.ACCOUNT_UPDATED, entity=user, detail={"email": "confirmed"}
            )


def ask_applicant(*, actor: User, user: User, question: str) -> None:
    """Ask a waiting person for more; they are written to and answer in the app. The state stays."""
    policy.require(actor, policy.Permission.ACCOUNT_VERIFY)
    _not_oneself(actor, user)
    question = required_reason(question)
    with transaction.atomic():
        asked = (
            User.objects.pending()
            .filter(pk=user.pk)
            .update(question=question, answer="", updated_at=timezone.now())
        )
        if not asked:
            raise Conflict("This registration was decided already.", code="registration_decided")
        account_event(actor=actor, action=Action.ACCOUNT_UPDATED, entity=user, changes={"question": question})
        mail.enqueue(mail.Kind.REGISTRATION_QUESTION, user=user)
    user.refresh_from_db()


def answer_question(*, actor: User, answer: str, changes: Mapping[str, str]) -> None:
    """What a waiting person answers a supervisor, with corrected details; `actor` has shown the password.

    Raises Conflict `nothing_asked` where no question waits for them.
    """
    with transaction.atomic():
        row = User.objects.select_for_update().get(pk=actor.pk)
        if row.state != AccountState.PENDING or not row.question or row.answer:
            raise Conflict("Nothing was asked of you that is not answered.", code="nothing_asked")
        row.answer = answer
        changes = _checked(row, changes)
        for name, value in changes.items():
            setattr(row, name, value)
        row.save(update_fields=["answer", *changes, "phone_index", "updated_at"])
        account_event(
            actor=row, action=Action.ACCOUNT_UPDATED, entity=row, changes={"answer": answer, **changes}
        )


def _checked(user: User, changes: Mapping[str, str]) -> dict[str, str]:
    """The changes with the registration number as it is stored."""
    number = changes.get("registration_number")
    if number is None:
        return dict(changes)
    try:
        return {**changes, "registration_number": registration_number(number, cadre=user.cadre)}
    except NotANumber as problem:
        raise ValidationFailed.of(
            "registration_number", "invalid_registration_number", str(problem)
        ) from None


def verify_registration(*, actor: User, user: User) -> None:
    """Let a pending person in. Raises Forbidden, or Conflict where the state, the premises or the
    registration number do not allow it."""
    policy.require(actor, policy.Permission.ACCOUNT_VERIFY)
    _not_oneself(actor, user)
    if user.role == Role.PHARMACIST and user.premises_id is None:
        raise Conflict("Say first where this person works.", code="premises_missing")
    if settings.CONFIRMED_EMAIL_REQUIRED and user.email_confirmed_at is None:
        raise Conflict(
            "The person has not confirmed the e-mail address yet, so it may be another's.",
            code="email_unconfirmed",
        )
    try:
        with transaction.atomic():
            _decide(actor, user, AccountState.VERIFIED, reason="", now=timezone.now())
            account_event(actor=actor, action=Action.ACCOUNT_VERIFIED, entity=user)
            mail.enqueue(mail.Kind.REGISTRATION_VERIFIED, user=user)
    except IntegrityError:
        raise Conflict(
            "Another verified account of this cadre has the same registration number; find out whose it is.",
            code="registration_number_taken",
        ) from None
    user.refresh_from_db()


def refuse_registration(*, actor: User, user: User, reason: str) -> None:
    """Turn a pending person away, with a reason that they are told."""
    policy.require(actor, policy.Permission.ACCOUNT_VERIFY)
    _not_oneself(actor, user)
    reason = required_reason(reason)
    with transaction.atomic():
        _decide(actor, user, AccountState.REFUSED, reason=reason, now=timezone.now())
        account_event(actor=actor, action=Action.ACCOUNT_REFUSED, entity=user, changes={"reason": reason})
        mail.enqueue(mail.Kind.REGISTRATION_REFUSED, user=user)
    user.refresh_from_db()


def _decide(actor: User, user: User, state: AccountState, *, reason: str, now: datetime) -> None:
    values: dict[str, Any] = {
        "state": state, "state_reason": reason, "decided_by": actor, "decided_at": now, "updated_at": now,
    }  # fmt: skip
    if not User.objects.pending().filter(pk=user.pk).update(**values):
        raise Conflict("This registration was decided already.", code="registration_decided")


def _not_oneself(actor: User, user: User) -> None:
    if actor.pk == user.pk:
        raise Forbidden("Nobody decides about their own account.", code="own_account")


def required_reason(reason: str) -> str:
    """The reason without spaces around it; raises ValidationFailed when there is none."""
    text = reason.strip()
    if not text:
        raise ValidationFailed.of("reason", "required", "Say why; the person is told.")
    return text
