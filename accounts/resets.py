"""Password reset tokens: nothing stored, good for an hour and for one use."""

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


_tokens = _Tokens()


def make(user: "User") -> tuple[str, str]:
    """(uid, token) for the letter."""
    return urlsafe_base64_encode(force_bytes(str(user.pk))), _tokens.make_token(user)


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
