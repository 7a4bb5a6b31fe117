"""Reading accounts."""

import hashlib

from django.db.models import QuerySet

from accounts.models import DeviceSession, User


def own_sessions(user: User) -> QuerySet[DeviceSession]:
    """The devices on which `user` is signed in."""
    return DeviceSession.objects.live().filter(user=user)


def profile_version(user: User) -> str:
    """Changes with everything that GET /auth/me shows."""
    premises = user.premises
    parts = [user.pk, user.updated_at.isoformat()]
    if premises is not None:
        parts.append(premises.updated_at.isoformat())
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]
