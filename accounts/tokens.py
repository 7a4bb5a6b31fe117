"""The two kinds of token.

Access: a JWT, HS256 and nothing else, valid ten minutes, bound to one device session and to the
user's epoch. Refresh: 256 random bits, opaque, stored as SHA-256, exchanged once.
"""

import base64
import hashlib
import re
import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.tokens import AccessToken

from dermatech.core.errors import Unauthenticated

if TYPE_CHECKING:
    from accounts.models import DeviceSession, User

ALGORITHM: Final = "HS256"
# Far above an honest token (about 400 bytes); what is longer is not worth a signature check.
MAX_TOKEN_LENGTH: Final = 2_000
# An empty or short HMAC key could be guessed; RFC 7518 3.2 asks for as many bits as the hash has.
SHORTEST_KEY: Final = 32
_ONE_TEXT: Final = bytes(12)
# Three parts in base64url without padding; 32 bytes of signature are 43 letters. Python's decoder would
# skip letters that are none.
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid access token says."""

    user_id: uuid.UUID
    session_id: uuid.UUID
    epoch: int


def token_invalid(detail: str = "This token is not valid; sign in again.") -> Unauthenticated:
    """401 for a token that is forged, mangled, of another kind, or of a session that ended."""
    return Unauthenticated(detail, code="token_invalid", headers=challenge("invalid_token"))


def token_expired(detail: str = "This access token has expired; refresh it.") -> Unauthenticated:
    """401 for a token that was good once."""
    return Unauthenticated(detail, code="token_expired", headers=challenge("invalid_token"))


def challenge(error: str = "") -> dict[str, str]:
    """The WWW-Authenticate header (RFC 6750 section 3)."""
    suffix = f', error="{error}"' if error else ""
    return {"WWW-Authenticate": f'Bearer realm="DermaTech Ghana"{suffix}'}


def _backend(key: str) -> TokenBackend:
    options: dict[str, Any] = settings.SIMPLE_JWT
    return TokenBackend(
        ALGORITHM, signing_key=key, audience=options["AUDIENCE"], issuer=options["ISSUER"], leeway=0
    )


class _Signed(AccessToken):
    """simplejwt's access token under the present key."""

    lifetime: timedelta | None = settings.ACCESS_TOKEN_LIFETIME

    @property
    def token_backend(self) -> TokenBackend:
        return _backend(settings.JWT_SIGNING_KEY)


class _SignedBefore(_Signed):
    """One under the key before it, while keys are rotated."""

    @property
    def token_backend(self) -> TokenBackend:
        return _backend(settings.JWT_PREVIOUS_KEY)


def issue_access(user: "User", session: "DeviceSession") -> str:
    """A new access token of `user` on the device of `session`."""
    token = _Signed.for_user(user)
    token["sid"] = str(session.pk)
    token["epoch"] = session.epoch
    return str(token)


def read_access(raw: str) -> Claims:
    """The claims of an access token; raises Unauthenticated `token_invalid` or `token_expired`.

    Checked here: length, spelling, algorithm, signature under the present or the previous key, `typ`, `aud`,
    `iss`, `exp`, `iat`, `jti`, and the shapes of `sub`, `sid` and `epoch`. Whether the session and the
    user still stand is for the caller to look up.
    """
    if len(raw) > MAX_TOKEN_LENGTH or not _COMPACT.fullmatch(raw) or not _is_canonical(raw):
        raise token_invalid()
    kinds: list[type[_Signed]] = [_Signed]
    if len(settings.JWT_PREVIOUS_KEY) >= SHORTEST_KEY:
        kinds.append(_SignedBefore)
    for kind in kinds:
        try:
            return _claims(kind(raw))  # type: ignore[arg-type]  # simplejwt annotates its text as Token
        except ExpiredTokenError:
            raise token_expired() from None
        except (TokenError, KeyError, ValueError, TypeError, OverflowError, RecursionError):
            continue
    raise token_invalid()


def _is_canonical(raw: str) -> bool:
    """Whether the signature is spelt as we spell it. Its last letter has two bits to spare, so four texts
    mean the same bytes; one token must be one text."""
    signature = raw.rpartition(".")[2]
    return base64.urlsafe_b64encode(base64.urlsafe_b64decode(signature + "=")).decode() == signature + "="


def _claims(token: AccessToken) -> Claims:
    if "iat" not in token.payload:
        raise TokenError("Token has no time of issue")
    epoch = token["epoch"]
    if type(epoch) is not int:
        raise TokenError("Token has no epoch")
    return Claims(user_id=uuid.UUID(str(token["sub"])), session_id=uuid.UUID(str(token["sid"])), epoch=epoch)


def new_refresh() -> tuple[str, str]:
    """A refresh token for the device and the digest that is stored."""
    raw = secrets.token_urlsafe(32)
    return raw, digest(raw)


def seal(successor: str, *, under: str) -> str:
    """`successor` so that only somebody who holds the token `under` can read it: the key is made from
    that token, of which we keep the digest alone. The key seals one text, so the nonce may be fixed."""
    sealed = AESGCM(_sealing_key(under)).encrypt(_ONE_TEXT, successor.encode(), None)
    return base64.urlsafe_b64encode(sealed).decode()


def unseal(sealed: str, *, under: str) -> str:
    """The token that `seal` was given."""
    return AESGCM(_sealing_key(under)).decrypt(_ONE_TEXT, base64.urlsafe_b64decode(sealed), None).decode()


def _sealing_key(raw: str) -> bytes:
    # Another hash than `digest`, which is stored.
    return hashlib.sha256(b"refresh successor\n" + raw.encode("utf-8", "surrogatepass")).digest()


def digest(raw: str) -> str:
    """SHA-256 (hex) of a refresh token; the token has 256 random bits, so no salt is needed."""
    return hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()
