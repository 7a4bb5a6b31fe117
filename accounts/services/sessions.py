"""Signing in, staying signed in, signing out."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.contrib.auth.hashers import check_password, is_password_usable, make_password
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import devices, limits, policy, selectors, throttle, tokens
from accounts.audit import Action, Purpose, denied
from accounts.models import AccountState, DeviceSession, EndReason, RefreshToken, User, normalise_email
from accounts.services._shared import account_event, end_sessions
from accounts.services.second_factor import lacks_one, require_second_factor
from dermatech.core import context
from dermatech.core.errors import Forbidden, NotFound, Unauthenticated
from dermatech.core.ids import uuid7

if TYPE_CHECKING:
    from accounts.throttle import Bucket

_LOCKED: Final = "Too many wrong passwords; try again later, or reset your password."
_ACCOUNT: Final = User._meta.label_lower
_CLOSED: Final = frozenset({AccountState.REFUSED, AccountState.DEACTIVATED})


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh pair of tokens. `device_mark` is to be left on the device; empty after a refresh."""

    user: User
    session: DeviceSession
    access: str
    refresh: str
    access_expires_in: int  # seconds
    device_mark: str = ""
    again: bool = False  # the answer to the same request was given before and got lost


def invalid_credentials() -> Unauthenticated:
    """The one answer for an unknown address, a wrong password and a closed account."""
    return Unauthenticated(
        "The e-mail address or the password is wrong.",
        code="invalid_credentials",
        headers=tokens.challenge(),
    )


@dataclass(frozen=True, slots=True)
class _Claimed:
    """The account that an address names, as far as a sign-in looks at it. Of an address without one it is
    a stand-in of the same shape, so that both are handled, hashed and written down alike."""

    user_id: uuid.UUID
    stored: str
    state: str
    known: bool

    @property
    def entity(self) -> tuple[str, str] | None:
        """As the log names it; nobody's is not named."""
        return (_ACCOUNT, str(self.user_id)) if self.known else None


def check_credentials(*, actor: None, email: str, password: str, device_mark: str = "") -> User:
    """The user behind an address and a password, pending ones included.

    Counts the attempt first; does the same work for known and unknown addresses: the row itself is read
    only after a right password, as decrypting it would take its time. Raises Throttled `locked_out` or
    Unauthenticated `invalid_credentials`. A hash made with older parameters is remade.
    """
    email = normalise_email(email)
    claimed = _claimed(email)
    device = devices.known_device(device_mark, claimed.user_id)
    buckets = limits.login_buckets(email=email, device=device, address=context.current().address)
    _count_attempt(buckets, claimed)
    right = check_password(password, claimed.stored, lambda raw: _rehash(claimed, raw)) and claimed.known
    if not right or claimed.state in _CLOSED:
        reason = "account closed" if right else "wrong password" if claimed.known else "unknown address"
        _login_denied(claimed.entity, reason)
        raise invalid_credentials()
    user = User.objects.select_related("premises").filter(pk=claimed.user_id).first()
    if user is None:
        raise invalid_credentials()
    throttle.take_back(buckets)
    return user


def _claimed(email: str) -> _Claimed:
    found = User.objects.filter(email=email).values_list("pk", "password", "state").first()
    stand_in = _stand_in()
    user_id, stored, state = found or (uuid7(), stand_in, "")
    if not is_password_usable(stored):
        stored = stand_in
    return _Claimed(user_id, stored, state, known=found is not None)


@lru_cache(maxsize=1)
def _stand_in() -> str:
    """A hash of nothing that anybody knows. Without one Django would hash too, but by another way than it
    checks: with fresh random texts, and of another length."""
    return make_password(secrets.token_urlsafe(32))


def _count_attempt(buckets: "list[Bucket]", claimed: _Claimed) -> None:
    try:
        throttle.reserve(buckets, detail=_LOCKED, code="locked_out")
    except throttle.LimitReached as locked:
        if locked.first:  # one event per lock, so that a flood cannot flood the log
            denied(
                actor=None, action=Action.AUTH_LOCKED_OUT, entity=claimed.entity,
                purpose=Purpose.ADMINISTRATION,
            )  # fmt: skip
        raise


def _rehash(claimed: _Claimed, raw: str) -> None:
    if claimed.known:
        # Not User.set_password: the password is the same, so no session ends.
        User.objects.filter(pk=claimed.user_id, password=claimed.stored).update(password=make_password(raw))


def _login_denied(entity: User | tuple[str, str] | None, reason: str) -> None:
    denied(
        actor=None, action=Action.AUTH_LOGIN_FAILED, entity=entity, purpose=Purpose.ADMINISTRATION,
        detail={"reason": reason},
    )  # fmt: skip


def login(
    *, actor: None, email: str, password: str, otp: str = "", device_name: str = "", device_mark: str = ""
) -> SignedIn:
    """Sign in on one device. `otp` is the second factor of staff.

    Raises what `check_credentials` raises, and after a right password Forbidden `registration_pending`
    of an account that no supervisor has verified yet, and what `require_second_factor` raises.
    """
    user = check_credentials(actor=actor, email=email, password=password, device_mark=device_mark)
    if user.state == AccountState.PENDING:
        _login_denied(user, "registration pending")
        raise Forbidden(
            "Your registration is waiting for a supervisor; you will get an e-mail.",
            code="registration_pending",
        )
    known = devices.known_device(device_mark, user.pk)
    factor = require_second_factor(user=user, code=otp, device=known)
    now = timezone.now()
    with transaction.atomic():
        # Between the check and here the account may have been closed or its password changed.
        fresh = User.objects.select_for_update().get(pk=user.pk)
        if (fresh.state, fresh.epoch, fresh.password) != (user.state, user.epoch, user.password):
            raise invalid_credentials()
        session = _open_session(user, device_name=device_name, now=now)
        refresh = _new_refresh(session, now)
        User.objects.filter(pk=user.pk).update(last_login=now)
        account_event(actor=user, action=Action.AUTH_LOGIN, entity=session, detail={"second_factor": factor})
    return _signed_in(user, session, refresh, device_mark=devices.mark_for(user, known=known))


def admin_login(*, actor: None, email: str, password: str, device_mark: str = "") -> User:
    """Whose password it is at the admin site; the second factor follows. Raises what
    `check_credentials` raises; to everybody who is not staff the site says what it says to a wrong
    password."""
    user = check_credentials(actor=actor, email=email, password=password, device_mark=device_mark)
    if not user.is_staff:
        _login_denied(user, "not staff")
        raise invalid_credentials()
    return user


def admin_signed_in(*, actor: User, second_factor: str) -> None:
    """The admin site let somebody in. `second_factor`: "app", "recovery code", "set up", "none"."""
    with transaction.atomic():
        account_event(
            actor=actor, action=Action.AUTH_LOGIN, entity=actor,
            detail={"site": "admin", "second_factor": second_factor},
        )  # fmt: skip


def _open_session(user: User, *, device_name: str, now: datetime) -> DeviceSession:
    here = context.current()
    session = DeviceSession.objects.create(
        user=user,
        device_name=device_name,
        user_agent=here.user_agent[:300],
        address=_address(here.address),
        epoch=user.epoch,
        last_used_at=now,
        expires_at=now + settings.REFRESH_TOKEN_LIFETIME,
    )
    context.amend(device=str(session.pk))
    return session


def _new_refresh(session: DeviceSession, now: datetime) -> str:
    raw, digest = tokens.new_refresh()
    _store(session, digest, now)
    return raw


def _store(session: DeviceSession, digest: str, now: datetime) -> None:
    RefreshToken.objects.create(
        session=session, digest=digest, expires_at=now + settings.REFRESH_TOKEN_LIFETIME
    )


def _signed_in(user: User, session: DeviceSession, refresh: str, *, device_mark: str = "") -> SignedIn:
    return SignedIn(
        user=user,
        session=session,
        access=tokens.issue_access(user, session),
        refresh=refresh,
        access_expires_in=int(settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
        device_mark=device_mark,
    )


def refresh(*, actor: None, refresh: str, request_key: str = "", device_mark: str = "") -> SignedIn:
    """Exchange a refresh token for a new pair; of two that try, one wins.

    A token that was exchanged before ends its whole family: either the caller or whoever exchanged it
    first stole it. One exception, for answers that get lost on the way: the request that exchanged it,
    recognised by its Idempotency-Key on the same device, may ask again within REFRESH_GRACE and is
    given the same successor, as long as that one is unused. Raises Unauthenticated `token_invalid`,
    `token_expired` or `token_reused`.
    """
    now = timezone.now()
    token = _find(refresh)
    if token is None:
        raise tokens.token_invalid("This refresh token is not valid; sign in again.")
    caller = _caller(token.session.user, request_key=request_key, device_mark=device_mark)
    if token.used_at is not None:
        return _again(token, refresh, caller, now)
    if token.expires_at <= now:
        raise tokens.token_expired("This refresh token has expired; sign in again.")
    context.amend(device=str(token.session_id))
    with transaction.atomic():
        successor = _exchange(token, refresh, caller, now)
    if not successor:  # somebody was quicker
        return _again(_find(refresh) or token, refresh, caller, now)
    return _signed_in(token.session.user, token.session, successor)


def _exchange(token: RefreshToken, raw: str, caller: str, now: datetime) -> str:
    """The successor of `token`, or nothing where it was exchanged meanwhile."""
    successor, digest = tokens.new_refresh()
    won = RefreshToken.objects.filter(pk=token.pk, used_at__isnull=True).update(
        used_at=now, exchanged_by=caller, updated_at=now,
        sealed_successor=tokens.seal(successor, under=raw) if caller else "",
    )  # fmt: skip
    if not won:
        return ""
    _keep_open(token.session, now)
    # What led to the token in hand has served.
    RefreshToken.objects.filter(session=token.session).exclude(pk=token.pk).exclude(
        sealed_successor=""
    ).update(sealed_successor="")
    _store(token.session, digest, now)
    account_event(actor=token.session.user, action=Action.AUTH_REFRESH, entity=token.session)
    return successor


def _caller(user: User, *, request_key: str, device_mark: str) -> str:
    """Digest of what makes a request the same one: its key and, where it shows one, its device's mark.
    Empty without a key: such a request cannot be told from a thief's."""
    if not request_key:
        return ""
    device = devices.known_device(device_mark, user.pk)
    return hashlib.sha256(f"{device}\n{request_key}".encode()).hexdigest()


def _again(token: RefreshToken, raw: str, caller: str, now: datetime) -> SignedIn:
    """The same pair for the request whose answer was lost; raises `token_reused` for everybody else."""
    if not _is_retry(token, caller, now):
        raise _reused(token, now)
    successor = tokens.unseal(token.sealed_successor, under=raw)
    context.amend(device=str(token.session_id))
    with transaction.atomic():
        _keep_open(token.session, now)
        unused = RefreshToken.objects.filter(digest=tokens.digest(successor), used_at__isnull=True).exists()
        if unused:
            account_event(
                actor=token.session.user, action=Action.AUTH_REFRESH, entity=token.session,
                detail={"again": True},
            )  # fmt: skip
    if not unused:
        raise _reused(token, now)
    return replace(_signed_in(token.session.user, token.session, successor), again=True)


def _is_retry(token: RefreshToken, caller: str, now: datetime) -> bool:
    return (
        bool(caller and token.sealed_successor)
        and secrets.compare_digest(token.exchanged_by, caller)
        and token.used_at is not None
        and now - token.used_at <= settings.REFRESH_GRACE
    )


def _find(raw: str) -> RefreshToken | None:
    rows = RefreshToken.objects.select_related("session__user__premises")
    return rows.filter(digest=tokens.digest(raw)).first()


def _keep_open(session: DeviceSession, now: datetime) -> None:
    """Move the session's end; raises where it, or its user, does not stand any more."""
    # The lock orders this against whatever ends sessions: those change the user first.
    user = User.objects.select_for_update().get(pk=session.user_id)
    standing = DeviceSession.objects.filter(pk=session.pk, ended_at__isnull=True, epoch=user.epoch)
    # What the password alone had opened ends where an app is demanded since.
    kept = (
        user.is_active
        and not lacks_one(user)
        and standing.update(
            last_used_at=now,
            expires_at=now + settings.REFRESH_TOKEN_LIFETIME,
            address=_address(context.current().address),
            updated_at=now,
        )
    )
    if not kept:
        raise tokens.token_invalid("This session was ended; sign in again.")


def _reused(token: RefreshToken, now: datetime) -> Unauthenticated:
    session = token.session
    with transaction.atomic():
        end_sessions(actor=None, which=Q(pk=session.pk), reason=EndReason.TOKEN_REUSED, now=now)
    # Owner or thief: nobody can tell, so nobody is named as the actor.
    denied(
        actor=None, action=Action.AUTH_TOKEN_REUSED, entity=session, purpose=Purpose.ADMINISTRATION,
        detail={"account": str(session.user_id)},
    )  # fmt: skip
    return Unauthenticated(
        "This refresh token was used before, so the device was signed out; sign in again.",
        code="token_reused",
        headers=tokens.challenge("invalid_token"),
    )


def logout(*, actor: User | None, refresh: str) -> None:
    """End the session of a refresh token, spent or not. An unknown one is already signed out."""
    token = _find(refresh)
    if token is None:
        return
    now, session = timezone.now(), token.session
    with transaction.atomic():
        ended = DeviceSession.objects.filter(pk=session.pk, ended_at__isnull=True).update(
            ended_at=now, end_reason=EndReason.SIGNED_OUT, updated_at=now
        )
        if ended:
            account_event(actor=actor or session.user, action=Action.AUTH_LOGOUT, entity=session)


def own_session(*, actor: User, session_id: uuid.UUID) -> DeviceSession:
    """One of one's own open sessions. Raises NotFound, the same for another person's and for none."""
    found = selectors.own_sessions(actor).filter(pk=session_id).first()
    if found is None:
        if not DeviceSession.objects.filter(user=actor, pk=session_id).exists():  # one's own has ended
            denied(
                actor=actor, action=Action.ACCESS_DENIED, purpose=Purpose.ADMINISTRATION,
                entity=("accounts.devicesession", str(session_id)),
            )  # fmt: skip
        raise NotFound
    return found


def end_session(*, actor: User, session: DeviceSession) -> None:
    """Sign one device out: one's own, or as staff somebody's. Raises NotFound when it ended before."""
    own = session.user_id == actor.pk
    needed = policy.Permission.PROFILE_MANAGE if own else policy.Permission.SESSION_END_ANY
    policy.require(actor, needed)
    reason = EndReason.ENDED_BY_OWNER if own else EndReason.ENDED_BY_STAFF
    with transaction.atomic():
        if not end_sessions(actor=actor, which=Q(pk=session.pk), reason=reason, now=timezone.now()):
            raise NotFound


def purge_expired() -> int:
    """Delete refresh tokens that expired; an expired one tells nothing any more. Returns how many."""
    deleted, _ = RefreshToken.objects.filter(expires_at__lt=timezone.now()).delete()
    return deleted


def _address(text: str) -> str | None:
    """The address if it is one: behind a proxy it is whatever stood in a header."""
    try:
        return str(ip_address(text))
    except ValueError:
        return None
