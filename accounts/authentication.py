"""Who is calling: the access token of a device."""

from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from accounts import tokens
from accounts.models import DeviceSession
from dermatech.core import context
from dermatech.core.prepared import PreparedModel

if TYPE_CHECKING:
    from accounts.models import User

_SCHEME = b"bearer"
_SESSIONS = PreparedModel(DeviceSession, follow=("user", "user__premises"))


class AccessTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access>`. Sets `request.user` and, as `request.auth`, the DeviceSession.

    One query. A token of an ended session, of an older epoch, or of somebody who is no longer
    verified is as invalid as a forged one.
    """

    def authenticate(self, request: Request) -> "tuple[User, DeviceSession] | None":
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != _SCHEME:
            return None
        if len(parts) != 2:  # the scheme and the token
            raise tokens.token_invalid()
        session = self._session(tokens.read_access(parts[1].decode("latin-1")))
        context.amend(device=str(session.pk))
        return session.user, session

    def authenticate_header(self, request: Request) -> str:
        return tokens.challenge()["WWW-Authenticate"]

    def _session(self, claims: tokens.Claims) -> DeviceSession:
        session = _SESSIONS.first(Q(pk=claims.session_id, user=claims.user_id))
        if (
            session is None
            or claims.epoch != session.user.epoch
            or not session.user.is_active
            or not session.is_live(epoch=session.user.epoch, now=timezone.now())
        ):
            raise tokens.token_invalid()
        return session
