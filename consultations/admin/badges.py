"""What waits, as a number beside a page of the navigation."""

from typing import cast

from django.http import HttpRequest

from accounts.models import User
from consultations.models import Analysis, Status


def failed_analyses(request: HttpRequest) -> int:
    """Analyses that failed for good and could be tried again."""
    rows = Analysis.objects.visible_to(cast(User, request.user))
    return rows.filter(status=Status.FAILED).count()
