"""The second factor of staff: set up, asked for, reset."""

from datetime import datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import limits, mail, policy, throttle, tokens, totp
from accounts.audit import Action, Purpose, denied
from accounts.models import EndReason, RecoveryCode, SecondFactor, User
from accounts.services._shared import account_event, end_sessions
from accounts.services.people import require_over
from accounts.services.registration import required_reason
from dermatech.core.errors import Conflict, DomainError, Forbidden, NotFound, Unauthenticated

REQUIRED: Final = "required"
_LOCKED: Final = "Too many wrong codes; wait a quarter of an hour, then use the next code of your app."


def is_enrolled(user: User) -> bool:
    """Whether `user` has an authenticator app in use."""
    return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).exists()


def is_required(user: User) -> bool:
    """Whether the admin site lets `user` in by a second factor only (ADMIN_TOTP)."""
    return settings.ADMIN_TOTP == REQUIRED and user.is_staff


def lacks_one(user: User) -> bool:
    """Whether `user` must have an authenticator app and has none."""
    return is_required(user) and not is_enrolled(user)


def require_second_factor(*, user: User, code: str, device: str = "") -> str:
    """What staff show beside the right password to enter the API; returns "app", "recovery code" or, of
    those who need none, "none". Who works at a counter needs none.

    Raises Unauthenticated `second_factor_required` without a code, what `check_second_factor` raises for a
    wrong one, and Forbidden `second_factor_missing` where an app must be set up first, which is done in
    the admin site.
    """
    if not user.is_staff:
        return "none"
    if not is_enrolled(user):
        if lacks_one(user):
            raise _refused(
                user, "no second factor",
                Forbidden(
                    "Set up your authenticator app in the admin site first.", code="second_factor_missing"
                ),
            )  # fmt: skip
        return "none"
    if not code:
        # Audited: whoever is asked for a code has shown the password.
        raise _refused(
            user, "second factor not given",
            Unauthenticated(
                "Send the code of your authenticator app, or a recovery code, as otp.",
                code="second_factor_required", headers=tokens.challenge(),
            ),
        )  # fmt: skip
    return check_second_factor(user=user, code=code, device=device)


def begin_enrolment(*, actor: User) -> SecondFactor:
    """The secret to be scanned; the same one until it is confirmed, so that a reload does no harm.

    Raises Conflict `second_factor_in_use`: a new phone needs a reset by an administrator, or somebody
    at an unlocked screen could put theirs in its place.
    """
    policy.require(actor, policy.Permission.ADMIN_SITE)
    factor, _ = SecondFactor.objects.get_or_create(user=actor, defaults={"secret": totp.new_secret()})
    if factor.confirmed_at is not None:
        raise Conflict("You have an authenticator app already.", code="second_factor_in_use")
    return factor


def confirm_enrolment(*, actor: User, code: str) -> list[str]:
    """Take the app into use by its first code; returns the recovery codes, which are shown this once.

    Raises Unauthenticated `second_factor_wrong`, Conflict `second_factor_in_use`, Throttled.
    """
    factor, now = begin_enrolment(actor=actor), timezone.now()
    buckets = [limits.bucket("second_factor", str(actor.pk))]
    throttle.reserve(buckets, detail=_LOCKED, code="locked_out")
    step = totp.step_of(factor.secret, code, now=now.timestamp())
    if step is None:
        raise _wrong("This is not the code that the app shows now. Is the phone's clock right?")
    with transaction.atomic():
        won = SecondFactor.objects.filter(pk=factor.pk, confirmed_at__isnull=True).update(
            confirmed_at=now, last_step=step, last_used_at=now, updated_at=now
        )
        if not won:
            raise Conflict("You have an authenticator app already.", code="second_factor_in_use")
        codes = _new_codes(actor)
        # What was opened by the password alone ends; the admin session at hand has just shown the app.
        end_sessions(actor=actor, which=Q(user=actor), reason=EndReason.SECOND_FACTOR_RESET, now=now)
        account_event(
            actor=actor, action=Action.AUTH_SECOND_FACTOR_CHANGED, entity=actor, detail={"change": "set up"}
        )
        mail.enqueue(mail.Kind.SECOND_FACTOR_CHANGED, user=actor)
    throttle.take_back(buckets)
    return codes


def renew_recovery_codes(*, actor: User) -> list[str]:
    """Ten fresh codes; the old ones are void. The caller has made sure who sits there."""
    policy.require(actor, policy.Permission.ADMIN_SITE)
    if not is_enrolled(actor):
        raise Conflict("Set up an authenticator app first.", code="second_factor_missing")
    with transaction.atomic():
        codes = _new_codes(actor)
        account_event(
            actor=actor, action=Action.AUTH_SECOND_FACTOR_CHANGED, entity=actor,
            detail={"change": "recovery codes renewed"},
        )  # fmt: skip
        mail.enqueue(mail.Kind.SECOND_FACTOR_CHANGED, user=actor)
    return codes


def _new_codes(user: User) -> list[str]:
    codes = totp.new_recovery_codes()
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, digest=totp.recovery_digest(code)) for code in codes
    )
    return codes


def check_second_factor(*, user: User, code: str, device: str = "") -> str:
    """Accept a code of the app, or a recovery code, once; returns "app" or "recovery code".

    The password was right already. Wrong codes are counted per account, on known devices apart.
    Raises Unauthenticated `second_factor_wrong` or `second_factor_replayed`, Throttled `locked_out`.
    """
    buckets = [limits.bucket("second_factor", f"{user.pk}\n{device}" if device else str(user.pk))]
    try:
        throttle.reserve(buckets, detail=_LOCKED, code="locked_out")
    except throttle.LimitReached as locked:
        if locked.first:
            denied(actor=None, action=Action.AUTH_LOCKED_OUT, entity=user, purpose=Purpose.ADMINISTRATION)
        raise
    now = timezone.now()
    if totp.looks_like_recovery_code(code):
        kind = _use_recovery_code(user, code, now)
    else:
        kind = _use_app_code(user, code, now)
    throttle.take_back(buckets)
    return kind


def _use_app_code(user: User, code: str, now: datetime) -> str:
    factor = SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).first()
    step = totp.step_of(factor.secret, code, now=now.timestamp()) if factor else None
    if factor is None or step is None:
        raise _refused(user, "second factor wrong", _wrong())
    # Of two that show one code, the first moves the step on.
    won = SecondFactor.objects.filter(pk=factor.pk, confirmed_at__isnull=False, last_step__lt=step).update(
        last_step=step, last_used_at=now, updated_at=now
    )
    if not won:
        replayed = Unauthenticated(
            "This code was used before; wait for the next one.", code="second_factor_replayed",
            headers=tokens.challenge(),
        )  # fmt: skip
        raise _refused(user, "second factor replayed", replayed)
    return "app"


def _use_recovery_code(user: User, code: str, now: datetime) -> str:
    with transaction.atomic():
        won = RecoveryCode.objects.filter(
            user=user, digest=totp.recovery_digest(code), used_at__isnull=True
        ).update(used_at=now, updated_at=now)
        if won:
            left = RecoveryCode.objects.filter(user=user, used_at__isnull=True).count()
            account_event(
                actor=user, action=Action.AUTH_SECOND_FACTOR_CHANGED, entity=user,
                detail={"change": "recovery code used", "left": left},
            )  # fmt: skip
            mail.enqueue(mail.Kind.SECOND_FACTOR_CHANGED, user=user)
    if not won:
        raise _refused(user, "recovery code wrong", _wrong())
    return "recovery code"


def reset_second_factor(*, actor: User | None, user: User, reason: str) -> None:
    """Take somebody's app and recovery codes away, and end all they have open; they set up a new one.

    Administrators only, never for oneself; None is the operator at the server.
    """
    if actor is not None:
        require_over(actor, user, policy.Permission.SECOND_FACTOR_RESET)
        if actor.pk == user.pk:
            raise Forbidden("Nobody resets their own second factor; ask a colleague.", code="own_account")
    reason, now = required_reason(reason), timezone.now()
    with transaction.atomic():
        deleted, _ = SecondFactor.objects.filter(user=user).delete()
        RecoveryCode.objects.filter(user=user).delete()
        if not deleted:
            raise NotFound("This person has no authenticator app.", code="second_factor_missing")
        User.objects.filter(pk=user.pk).update(epoch=F("epoch") + 1, updated_at=now)
        end_sessions(actor=actor, which=Q(user=user), reason=EndReason.SECOND_FACTOR_RESET, now=now)
        account_event(
            actor=actor, action=Action.AUTH_SECOND_FACTOR_CHANGED, entity=user,
            detail={"change": "reset"}, changes={"reason": reason},
        )  # fmt: skip
        mail.enqueue(mail.Kind.SECOND_FACTOR_CHANGED, user=user)
    user.refresh_from_db()


def _wrong(detail: str = "This code is not right.") -> Unauthenticated:
    return Unauthenticated(detail, code="second_factor_wrong", headers=tokens.challenge())


def _refused(user: User, reason: str, error: DomainError) -> DomainError:
    denied(
        actor=None, action=Action.AUTH_LOGIN_FAILED, entity=user, purpose=Purpose.ADMINISTRATION,
        detail={"reason": reason},
    )  # fmt: skip
    return error
