"""Who sits there: what a session of the admin site has proved, and when."""

import time
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import services
from accounts.models import User

_PROVED_AT: Final = "proved_at"
_FACTOR: Final = "second_factor"
# Between the password and the code.
_PENDING: Final = "signing_in"
_PENDING_SECONDS: Final = 600
NO_FACTOR: Final = "none"


def needs_code(user: User) -> bool:
    """Whether a password alone does not let `user` in."""
    return services.is_required(user) or services.is_enrolled(user)


def passed(request: HttpRequest) -> bool:
    """Whether this session may use the admin site as far as the second factor goes.

    Where it is optional, whoever has one was asked for it when the session began.
    """
    user = request.user
    if not isinstance(user, User) or not services.is_required(user):
        return True
    return bool(request.session.get(_FACTOR, NO_FACTOR) != NO_FACTOR)


def mark(request: HttpRequest, *, factor: str) -> None:
    """This session proved password and, unless it is "none", the second factor; now."""
    request.session[_FACTOR] = factor
    renew(request)


def renew(request: HttpRequest) -> None:
    """Whoever sits here proved it again, now."""
    request.session[_PROVED_AT] = time.time()


def ask_again(request: HttpRequest) -> HttpResponseRedirect | None:
    """For grave acts: the way to the page that asks again who sits there, or None where that was proved
    within ADMIN_PROOF_SECONDS. Call it first in the view and return what it gives."""
    allowed: int = settings.ADMIN_PROOF_SECONDS
    proved: float = request.session.get(_PROVED_AT, 0.0)
    if not allowed or 0 <= time.time() - proved <= allowed:
        return None
    where = request.get_full_path() if request.method == "GET" else request.path
    return HttpResponseRedirect(f"{reverse('admin:confirm_identity')}?{urlencode({'next': where})}")


def after(request: HttpRequest) -> str:
    """The page to go on to; never one of another site."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    own = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if own else reverse("admin:index")


# --- between the password and the code -----------------------------------------------------------
def remember_password_step(request: HttpRequest, user: User) -> None:
    """The password was right; the session is nobody's until the code is right too."""
    request.session.cycle_key()
    request.session[_PENDING] = {
        "user": str(user.pk), "hash": user.get_session_auth_hash(), "at": time.time(),
    }  # fmt: skip


def who_is_signing_in(request: HttpRequest) -> User | None:
    """Whose password was right within the last ten minutes, unless it or the account changed since."""
    pending: dict[str, Any] | None = request.session.get(_PENDING)
    if pending is None or not 0 <= time.time() - pending["at"] <= _PENDING_SECONDS:
        return None
    user = User.objects.filter(pk=pending["user"]).first()
    if user is None or not user.is_staff or user.get_session_auth_hash() != pending["hash"]:
        return None
    return user


def forget_password_step(request: HttpRequest) -> None:
    request.session.pop(_PENDING, None)
