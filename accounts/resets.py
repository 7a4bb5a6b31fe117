"""The codes of our letters: nothing stored. A password is reset by one within an hour and once; an
address is confirmed by one within three days."""

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.utils.encoding import force_bytes
from django.utils.http import base36_to_int, urlsafe_base64_decode, urlsafe_base64_encode

if TYPE_CHECKING:
    from accounts.models import User

LIFETIME: Final = timedelta(hours=1)


class _Tokens(PasswordResetTokenGenerator):
    """Signs password hash, epoch and address: a change of any ends the token."""

    key_salt = "accounts.resets"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{user.pk}|{user.password}|{user.epoch}|{user.email}|{timestamp}"


class _Confirmations(PasswordResetTokenGenerator):
    """Signs who and which address, so that it may be shown twice."""

    key_salt = "accounts.confirmations"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{user.pk}|{user.email}|{timestamp}"


_tokens = _Tokens()
_confirmations = _Confirmations()


def make(user: "User") -> tuple[str, str]:
    """(uid, token) for the letter by which a password is set."""
    return _uid(user), _tokens.make_token(user)


def make_confirmation(user: "User") -> tuple[str, str]:
    """(uid, token) for the letter by which an address is confirmed."""
    return _uid(user), _confirmations.make_token(user)


def confirms(user: "User", token: str) -> bool:
    """Whether `token` is one of ours for this user's address, not older than three days."""
    return bool(_confirmations.check_token(user, token))


def _uid(user: "User") -> str:
    return urlsafe_base64_encode(force_bytes(str(user.pk)))


def user_id(uid: str) -> uuid.UUID | None:
    """The account that `uid` names, if it is of the right form."""
    try:
        return uuid.UUID(urlsafe_base64_decode(uid).decode())
    except (ValueError, UnicodeError, OverflowError):
        return None


def holds(user: "User", token: str) -> bool:
    """Whether `token` is one of ours for this user, unused and not older than LIFETIME."""
    if not _tokens.check_token(user, token):
        return False
    made = base36_to_int(token.partition("-")[0])
    age = _tokens._num_seconds(_tokens._now()) - made
    return 0 <= age <= LIFETIME.total_seconds()
