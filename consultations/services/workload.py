"""How the work of analysing stands: for the operator's page, and as metrics."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import DatabaseError
from django.db.models import Count, Min, Q
from django.utils import timezone
from prometheus_client import Gauge

from consultations.models import Analysis, Status
from consultations.services import analyses

# Longer queued than sweeping and a worker's start take; longer running than the hard time limit.
QUEUED_LONG: Final = timedelta(minutes=2)
RUNNING_LONG: Final = timedelta(minutes=3)

_MODE: Final = "mostrecent"  # several processes answer scrapes; the last one to look is right
STATES: Final = Gauge(
    "dermatech_analyses", "Analyses that are not done, by state.", ["state"], multiprocess_mode=_MODE
)
QUEUE_AGE: Final = Gauge(
    "dermatech_queue_age_seconds", "Age of the oldest queued analysis.", multiprocess_mode=_MODE
)


@dataclass(frozen=True, slots=True)
class Workload:
    """Numbers of analyses. `stuck` ones are among queued and running; `failed` without quarantined."""

    queued: int
    running: int
    stuck: int
    quarantined: int
    failed: int
    oldest_queued: datetime | None

    def queue_age(self, now: datetime) -> timedelta:
        return max(timedelta(0), now - self.oldest_queued) if self.oldest_queued else timedelta(0)


def stuck(now: datetime) -> Q:
    """Queued or running for longer than anything well takes."""
    return Q(status=Status.QUEUED, created_at__lt=now - QUEUED_LONG, sent_at__lt=now - QUEUED_LONG / 4) | Q(
        status=Status.RUNNING, started_at__lt=now - RUNNING_LONG
    )


def quarantined() -> Q:
    """Failed, because they harmed whoever worked on them."""
    return Q(status=Status.FAILED, error_code=analyses.QUARANTINED)


def look() -> Workload:
    """Count what is not done; rows that succeeded are not touched."""
    now = timezone.now()
    undone = (Status.QUEUED, Status.RUNNING, Status.FAILED)
    found = Analysis.objects.filter(status__in=undone).aggregate(
        queued=Count("pk", filter=Q(status=Status.QUEUED)),
        running=Count("pk", filter=Q(status=Status.RUNNING)),
        stuck=Count("pk", filter=stuck(now)),
        quarantined=Count("pk", filter=quarantined()),
        failed=Count("pk", filter=Q(status=Status.FAILED) & ~Q(error_code=analyses.QUARANTINED)),
        oldest_queued=Min("created_at", filter=Q(status=Status.QUEUED)),
    )
    return Workload(**found)


def refresh() -> None:
    """Set the metrics; not a number while the database does not answer."""
    names = ("queued", "running", "stuck", "quarantined", "failed")
    try:
        seen = look()
    except DatabaseError:
        QUEUE_AGE.set(math.nan)
        for name in names:
            STATES.labels(name).set(math.nan)
        raise
    QUEUE_AGE.set(seen.queue_age(timezone.now()).total_seconds())
    for name in names:
        STATES.labels(name).set(getattr(seen, name))
