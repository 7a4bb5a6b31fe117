"""Forgotten passwords."""

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import limits, mail, policy, resets, throttle
from accounts.audit import Action
from accounts.models import AccountState, EndReason, User, normalise_email
from accounts.services._shared import account_event, check_password_rules, end_sessions
from dermatech.core import context
from dermatech.core.errors import ValidationFailed

_MAY_RESET = (AccountState.PENDING, AccountState.VERIFIED)


def request_password_reset(*, actor: None, email: str) -> None:
    """Queue a letter to `email`, should it be somebody's. Nobody is looked up here, so known and
    unknown addresses cannot be told apart by the answer or by its time."""
    throttle.reserve(limits.request_buckets("reset", address=context.current().address))
    with transaction.atomic():
        mail.enqueue(mail.Kind.PASSWORD_RESET, address=normalise_email(email))
        account_event(actor=None, action=Action.AUTH_PASSWORD_RESET_REQUESTED)


def confirm_password_reset(*, actor: None, uid: str, token: str, new_password: str) -> User:
    """Set a new password by the token of the letter, once, and end all sessions; returns whose it is.

    Raises ValidationFailed: `token` with code `reset_token_invalid`, or the broken password rules.
    """
    user_id = resets.user_id(uid)
    user = User.objects.filter(pk=user_id, state__in=_MAY_RESET).first() if user_id else None
    if user is None or not resets.holds(user, token):
        raise _invalid()
    check_password_rules(new_password, user=user, field="new_password")
    hashed, now = make_password(new_password), timezone.now()
    with transaction.atomic():
        # Of two that use the token at once, the first changes what the token was made from.
        won = User.objects.filter(
            pk=user.pk, password=user.password, epoch=user.epoch, state__in=_MAY_RESET
        ).update(password=hashed, epoch=F("epoch") + 1, updated_at=now)
        if not won:
            raise _invalid()
        # Who has the letter reads the mailbox.
        User.objects.filter(pk=user.pk, email_confirmed_at=None).update(email_confirmed_at=now)
        end_sessions(actor=user, which=Q(user=user), reason=EndReason.PASSWORD_CHANGED, now=now)
        account_event(
            actor=user, action=Action.AUTH_PASSWORD_CHANGED, entity=user, detail={"by": "reset letter"}
        )
        mail.enqueue(mail.Kind.PASSWORD_CHANGED, user=user)
    return user


def change_own_password(*, actor: User, new_password: str) -> None:
    """Set one's own password, the old one having been checked; ends all sessions, `actor` is fresh
    afterwards. Raises ValidationFailed for a weak password."""
    policy.require(actor, policy.Permission.PROFILE_MANAGE)
    check_password_rules(new_password, user=actor, field="new_password")
    hashed, now = make_password(new_password), timezone.now()
    with transaction.atomic():
        User.objects.filter(pk=actor.pk).update(password=hashed, epoch=F("epoch") + 1, updated_at=now)
        end_sessions(actor=actor, which=Q(user=actor), reason=EndReason.PASSWORD_CHANGED, now=now)
        account_event(
            actor=actor, action=Action.AUTH_PASSWORD_CHANGED, entity=actor, detail={"by": "themselves"}
        )
        mail.enqueue(mail.Kind.PASSWORD_CHANGED, user=actor)
    actor.refresh_from_db()


def _invalid() -> ValidationFailed:
    return ValidationFailed.of(
        "token",
        "reset_token_invalid",
        "This code is wrong, was used before, or is too old; ask for a new one.",
    )
