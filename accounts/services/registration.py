"""Registration and what a supervisor decides about it.

pending --verify--> verified      pending --refuse--> refused
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import limits, mail, policy, throttle
from accounts.audit import Action
from accounts.models import AccountState, Premises, Role, User, normalise_email
from accounts.numbers import tidy_number
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

    A known address gets a letter instead of an account. Both ways hash the password and try the
    insert; the unique constraint decides. Raises ValidationFailed for a weak password, Throttled.
    """
    if address := context.current().address:
        throttle.reserve([limits.bucket("register_address", address)])
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
        created = _insert(user, applicant.premises)
        owner = user if created else User.objects.get(email=user.email)
        account_event(
            actor=None, action=Action.ACCOUNT_REGISTERED, entity=owner, detail={"address_known": not created}
        )
        mail.enqueue(
            mail.Kind.REGISTRATION_RECEIVED if created else mail.Kind.REGISTRATION_DUPLICATE, user=owner
        )


def _insert(user: User, claim: PremisesClaim) -> bool:
    """Whether the row went in; a known address takes back the premises as well."""
    try:
        with transaction.atomic():
            user.premises = premises_of(claim)
            user.save(force_insert=True)
    except IntegrityError:
        if not User.objects.filter(email=user.email).exists():
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


def verify_registration(*, actor: User, user: User) -> None:
    """Let a pending person in. Raises Forbidden, or Conflict where the state, the premises or the
    registration number do not allow it."""
    policy.require(actor, policy.Permission.ACCOUNT_VERIFY)
    _not_oneself(actor, user)
    if user.role == Role.PHARMACIST and user.premises_id is None:
        raise Conflict("Say first where this person works.", code="premises_missing")
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
