"""Known devices: a signed mark left on a device that has signed in (OWASP "device cookies").

It proves nothing but that this device once knew the password of this account. Wrong guesses from
elsewhere can therefore never lock the owner's own device out.
"""

import secrets
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from django.conf import settings
from django.core import signing

if TYPE_CHECKING:
    from django.http import HttpResponseBase

    from accounts.models import User

COOKIE: Final = "dermatech_device"
COOKIE_PATH: Final = "/api/v1/auth"
LIFETIME: Final = timedelta(days=400)
_SALT: Final = "accounts.devices"
R = TypeVar("R", bound="HttpResponseBase")


def mark_for(user: "User", *, known: str = "") -> str:
    """The mark of a device that just signed in; one that is known keeps its name."""
    name = known or secrets.token_hex(8)
    return signing.dumps({"user": str(user.pk), "device": name}, salt=_SALT)


def known_device(mark: str, user_id: uuid.UUID) -> str:
    """The name of the device, if it has signed in to this account before; otherwise empty."""
    if not mark:
        return ""
    try:
        content = signing.loads(mark, salt=_SALT, max_age=LIFETIME)
    except signing.BadSignature:
        return ""
    return str(content["device"]) if content.get("user") == str(user_id) else ""


def leave_mark(response: R, mark: str, *, path: str = COOKIE_PATH) -> R:
    """The answer, with the mark for the device to keep."""
    response.set_cookie(
        COOKIE, mark, max_age=LIFETIME, path=path, secure=settings.SESSION_COOKIE_SECURE, httponly=True,
        samesite="Strict",
    )  # fmt: skip
    return response
