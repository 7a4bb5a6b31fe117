"""What waits, as a number beside a page of the navigation."""

from typing import cast

from django.http import HttpRequest

from accounts.models import User
from consultations.dashboard.figures import QueueFigures, queue_figures


def queue_of(request: HttpRequest) -> QueueFigures:
    """The queue, asked once for the navigation and the front page."""
    kept: QueueFigures | None = request.__dict__.get("queue_figures")
    if kept is None:
        kept = request.__dict__["queue_figures"] = queue_figures(cast(User, request.user))
    return kept


def failed_analyses(request: HttpRequest) -> int:
    """Analyses that failed for good and could be tried again."""
    return queue_of(request).failed
