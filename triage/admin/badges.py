"""What waits, as a number beside a page of the navigation."""

from typing import cast

from django.http import HttpRequest

from accounts import policy
from accounts.models import User
from accounts.policy import Permission
from dermatech.core.releases import ReleaseState
from triage.models import GuidelineRelease


def proposed(request: HttpRequest) -> int:
    """Guideline releases that wait for the reader: those of others, which nobody may approve alone."""
    if not policy.allows(request.user, Permission.RELEASE_APPROVE):
        return 0
    rows = GuidelineRelease.objects.filter(state=ReleaseState.PROPOSED)
    return rows.exclude(proposed_by=cast(User, request.user)).count()
