"""How often: the limits of sign-in, registration and password reset.

`settings.ACCOUNT_LIMITS` may replace a limit by name, as {"login_address": (500, 900)}: attempts and
seconds.
"""

from datetime import timedelta
from typing import Final

from django.conf import settings

from accounts.throttle import Bucket, Limit

_QUARTER: Final = timedelta(minutes=15)
_HOUR: Final = timedelta(hours=1)

DEFAULTS: Final = {
    limit.name: limit
    for limit in (
        # Wrong passwords for one account from devices that never signed in to it.
        Limit("login_account", 5, _QUARTER),
        # Wrong passwords on one device that has: counted apart, so nobody else can lock it out.
        Limit("login_device", 10, _QUARTER),
        # Wrong passwords from one address. Generous: a mobile carrier puts thousands behind one.
        Limit("login_address", 100, _QUARTER),
        # Wrong passwords from unknown devices everywhere: a thousand machines that try one each.
        Limit("login_everywhere", 5_000, _QUARTER),
        # Wrong codes of the second factor, after a right password; known devices apart.
        Limit("second_factor", 5, _QUARTER),
        Limit("register_address", 60, _HOUR),
        Limit("register_everywhere", 2_000, _HOUR),
        Limit("reset_address", 60, _HOUR),
        Limit("reset_everywhere", 2_000, _HOUR),
    )
}


def bucket(name: str, subject: str) -> Bucket:
    """The counter of `subject` under the limit `name`."""
    limit = DEFAULTS[name]
    override: tuple[int, int] | None = getattr(settings, "ACCOUNT_LIMITS", {}).get(name)
    if override is not None:
        limit = Limit(name, override[0], timedelta(seconds=override[1]))
    return limit.bucket(subject)


def login_buckets(*, email: str, device: str, address: str) -> list[Bucket]:
    """The counters of one sign-in; `device` is the known device, empty for an unknown one.

    A known device has a counter of its own and no other: whoever guesses from the same address, which a
    mobile carrier gives to thousands, cannot lock it out.
    """
    if device:
        return [bucket("login_device", f"{email}\n{device}")]
    return [bucket("login_account", email), *request_buckets("login", address=address)]


def request_buckets(kind: str, *, address: str) -> list[Bucket]:
    """The counters of one request of `kind` (login, register, reset) from an address, if it is known."""
    everywhere = bucket(f"{kind}_everywhere", "")
    return [bucket(f"{kind}_address", address), everywhere] if address else [everywhere]
