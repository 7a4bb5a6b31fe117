"""What waits, as a number beside a page of the navigation."""

from django.http import HttpRequest

from dermatech.core.releases import ReleaseState
from triage.models import GuidelineRelease


def proposed(request: HttpRequest) -> int:
    """Guideline releases that wait for a second supervisor."""
    return GuidelineRelease.objects.filter(state=ReleaseState.PROPOSED).count()
