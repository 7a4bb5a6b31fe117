"""Accounts that exist: profile, changes by staff, closing and reopening."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from accounts import mail, policy
from accounts.audit import Action
from accounts.models import AccountState, EndReason, Premises, Region, Role, User, normalise_email
from accounts.services._shared import account_event, check_password_rules, end_sessions
from accounts.services.registration import required_reason
from dermatech.core.errors import Conflict, Forbidden, ValidationFailed

PROFILE_FIELDS: Final = frozenset({"full_name", "phone"})
STAFF_EDITABLE: Final = frozenset({"full_name", "phone", "cadre", "registration_number", "premises"})


def change_profile(
    *, actor: User, changes: Mapping[str, str], check: Callable[[User], None] | None = None
) -> User:
    """Change one's own name or phone number (already validated); returns the fresh row.

    `check` sees the row under its lock and may raise, as for a stale If-Match.
    """
    policy.require(actor, policy.Permission.PROFILE_MANAGE)
    return _update(actor=actor, user=actor, changes=changes, allowed=PROFILE_FIELDS, check=check)


def update_account(*, actor: User, user: User, changes: Mapping[str, Any]) -> User:
    """Correct somebody's facts as staff. Staff accounts are the administrators' alone."""
    require_over(actor, user, policy.Permission.ACCOUNT_EDIT)
    return _update(actor=actor, user=user, changes=changes, allowed=STAFF_EDITABLE)


def may_edit(actor: User, user: User) -> bool:
    """Whether `actor` may change the account of `user`."""
    return policy.allows(actor, policy.Permission.ACCOUNT_EDIT) and _reaches(actor, user)


def require_over(actor: User, user: User, permission: policy.Permission) -> None:
    """Raise Forbidden unless `actor` has `permission`, and over staff also the administrators'."""
    policy.require(actor, permission)
    if not _reaches(actor, user):
        raise Forbidden("Only administrators change the accounts of staff.", code="staff_account")


def _reaches(actor: User, user: User) -> bool:
    return user.role == Role.PHARMACIST or policy.allows(actor, policy.Permission.ROLE_CHANGE)


def _update(
    *,
    actor: User,
    user: User,
    changes: Mapping[str, Any],
    allowed: frozenset[str],
    check: Callable[[User], None] | None = None,
) -> User:
    if foreign := set(changes) - allowed:
        raise ValueError(f"These fields are not changed here: {sorted(foreign)}.")
    with transaction.atomic():
        row = User.objects.select_for_update().get(pk=user.pk)
        if check is not None:
            check(row)
        different = {name: value for name, value in changes.items() if getattr(row, name) != value}
        if different:
            before = _told({name: getattr(row, name) for name in different})
            for name, value in different.items():
                setattr(row, name, value)
            _save(row, [*different, *(["phone_index"] if "phone" in different else []), "updated_at"])
            account_event(
                actor=actor,
                action=Action.ACCOUNT_UPDATED,
                entity=row,
                changes=_told(different),
                before=before,
            )
    return row


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    """As the log takes them."""
    return {name: str(v.pk) if isinstance(v, Premises) else v for name, v in values.items()}


def _save(row: User, fields: list[str]) -> None:
    try:
        with transaction.atomic():
            row.save(update_fields=fields)
    except IntegrityError:
        raise Conflict(
            "Another verified account has this number, or cadre and premises do not fit the role.",
            code="account_conflict",
        ) from None


def deactivate(*, actor: User, user: User, reason: str) -> None:
    """Close an account and end everything it has open. Its records stay."""
    require_over(actor, user, policy.Permission.ACCOUNT_DEACTIVATE)
    if actor.pk == user.pk:
        raise Forbidden("Nobody closes their own account; ask a colleague.", code="own_account")
    reason, now = required_reason(reason), timezone.now()
    with transaction.atomic():
        closed = User.objects.filter(pk=user.pk, state=AccountState.VERIFIED).update(
            state=AccountState.DEACTIVATED, state_reason=reason, decided_by=actor, decided_at=now,
            epoch=F("epoch") + 1, updated_at=now,
        )  # fmt: skip
        if not closed:
            raise Conflict("Only a verified account can be closed.", code="account_state")
        end_sessions(actor=actor, which=Q(user=user), reason=EndReason.DEACTIVATED, now=now)
        account_event(actor=actor, action=Action.ACCOUNT_DEACTIVATED, entity=user, changes={"reason": reason})
        mail.enqueue(mail.Kind.ACCOUNT_DEACTIVATED, user=user)
    user.refresh_from_db()


def reactivate(*, actor: User, user: User) -> None:
    """Open a closed account again; its owner signs in anew."""
    require_over(actor, user, policy.Permission.ACCOUNT_VERIFY)
    now = timezone.now()
    try:
        with transaction.atomic():
            opened = User.objects.filter(pk=user.pk, state=AccountState.DEACTIVATED).update(
                state=AccountState.VERIFIED, state_reason="", decided_by=actor, decided_at=now, updated_at=now
            )
            if not opened:
                raise Conflict("Only a closed account can be opened again.", code="account_state")
            account_event(actor=actor, action=Action.ACCOUNT_VERIFIED, entity=user, detail={"again": True})
            mail.enqueue(mail.Kind.REGISTRATION_VERIFIED, user=user)
    except IntegrityError:
        raise Conflict(
            "Another verified account took over this registration number.", code="registration_number_taken"
        ) from None
    user.refresh_from_db()


def change_role(
    *,
    actor: User,
    user: User,
    role: Role,
    cadre: str = "",
    premises: Premises | None = None,
    supervised_region: str = "",
) -> None:
    """Give somebody another role, or a supervisor another region; ends all their sessions.
    Administrators only, never for oneself."""
    policy.require(actor, policy.Permission.ROLE_CHANGE)
    if actor.pk == user.pk:
        raise Forbidden("Nobody changes their own role.", code="own_account")
    check_shape(role=role, cadre=cadre, premises=premises or user.premises)
    check_region(role=role, supervised_region=supervised_region)
    now = timezone.now()
    with transaction.atomic():
        row = User.objects.select_for_update().get(pk=user.pk)
        row.role, row.cadre, row.epoch = role, cadre, row.epoch + 1
        row.premises = premises or row.premises
        row.supervised_region = supervised_region
        _save(row, ["role", "cadre", "epoch", "premises", "supervised_region", "updated_at"])
        end_sessions(actor=actor, which=Q(user=user), reason=EndReason.ROLE_CHANGED, now=now)
        account_event(
            actor=actor,
            action=Action.ACCOUNT_UPDATED,
            entity=user,
            detail={"role": role.value, "cadre": cadre, "region": supervised_region},
        )
    user.refresh_from_db()


def check_shape(*, role: str, cadre: str, premises: Premises | None) -> None:
    """Raise ValidationFailed where role, cadre and premises do not go together."""
    if role == Role.PHARMACIST and not cadre:
        raise ValidationFailed.of("cadre", "required", "A pharmacist's account needs a cadre.")
    if role != Role.PHARMACIST and cadre:
        raise ValidationFailed.of("cadre", "not_allowed", "Only a pharmacist's account has a cadre.")
    if role == Role.PHARMACIST and premises is None:
        raise ValidationFailed.of("premises", "required", "A pharmacist's account needs premises.")


def check_region(*, role: str, supervised_region: str) -> None:
    """Raise ValidationFailed where a region is given to somebody who supervises none."""
    if supervised_region and role != Role.SUPERVISOR:
        raise ValidationFailed.of(
            "supervised_region", "not_allowed", "Only a supervisor's account has a region."
        )
    if supervised_region and supervised_region not in Region.values:
        raise ValidationFailed.of("supervised_region", "invalid_choice", "Not a region of Ghana.")


def create_account(
    *,
    actor: User | None,
    email: str,
    full_name: str,
    role: Role,
    cadre: str = "",
    premises: Premises | None = None,
    registration_number: str = "",
    phone: str = "",
    supervised_region: str = "",
    password: str | None = None,
    verified: bool = True,
) -> User:
    """Make an account for somebody. Without a password they get a letter to set one.

    Raises ValidationFailed (shape, weak password) or Conflict `email_taken`: who may create accounts
    may know which exist.
    """
    if actor is not None:
        policy.require(actor, policy.Permission.ACCOUNT_CREATE)
    check_shape(role=role, cadre=cadre, premises=premises)
    check_region(role=role, supervised_region=supervised_region)
    user = User(
        email=normalise_email(email), full_name=full_name, role=role, cadre=cadre, premises=premises,
        registration_number=registration_number, phone=phone, decided_by=actor,
        supervised_region=supervised_region,
        state=AccountState.VERIFIED if verified else AccountState.PENDING,
        decided_at=timezone.now() if verified else None,
    )  # fmt: skip
    if password is not None:
        check_password_rules(password, user=user, field="password")
    user.set_password(password)
    with transaction.atomic():
        _insert(user)
        account_event(
            actor=actor,
            action=Action.ACCOUNT_CREATED,
            entity=user,
            detail={"role": role.value, "cadre": cadre},
        )
        if password is None:
            mail.enqueue(mail.Kind.ACCOUNT_CREATED, user=user)
    return user


def _insert(user: User) -> None:
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError:
        if User.objects.filter(email=user.email).exists():
            raise Conflict("This e-mail address has an account already.", code="email_taken") from None
        raise Conflict(
            "Another verified account has this registration number.", code="registration_number_taken"
        ) from None
