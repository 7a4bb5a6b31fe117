"""The time limit of pictures: what is due, the daily run, and what the runs did.

Each run is one event of the audit log beside those of the consultations, so the reports cannot be changed
afterwards and are exported with everything else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import policy
from accounts.audit import Action, Purpose, record
from accounts.models import AuditEvent, User
from consultations.models import Analysis, Photo
from consultations.services import erasure

# A little less than a day, so that a run that started late does not push the next one on.
_EVERY: Final = timedelta(hours=20)
_RUN: Final = "consultations.retention"


@dataclass(frozen=True, slots=True)
class Due:
    """What the next run would take away. `before` is None where everything is kept."""

    before: datetime | None
    consultations: int = 0
    photos: int = 0
    heatmaps: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """What one run did: when, by whom, and the numbers of its report."""

    at: datetime
    by: str
    said: Mapping[str, Any]


def limit(*, now: datetime | None = None) -> datetime | None:
    """Pictures from before this go; None where PHOTO_RETENTION_DAYS is 0."""
    days: int = settings.PHOTO_RETENTION_DAYS
    return (now or timezone.now()) - timedelta(days=days) if days else None


def due() -> Due:
    """What the next run would take away, counted in three queries."""
    before = limit()
    if before is None:
        return Due(None)
    photos = Photo.objects.filter(consultation__created_at__lt=before)
    maps = Analysis.objects.filter(consultation__created_at__lt=before).exclude(heatmap="")
    either = photos.order_by().values("consultation").union(maps.order_by().values("consultation"))
    return Due(before, consultations=either.count(), photos=photos.count(), heatmaps=maps.count())


def run(*, actor: User | None) -> erasure.RetentionReport | None:
    """Take away what is due and write the report down; None where everything is kept.

    `actor` is an administrator, or None for the daily run and the operator at the server.
    """
    if actor is not None:
        policy.require(actor, policy.Permission.OPERATIONS_READ)
    before = limit()
    if before is None:
        return None
    report = erasure.apply_retention(before=before)
    with transaction.atomic():
        record(
            actor=actor, action=Action.RETENTION_APPLIED, purpose=Purpose.COMPLIANCE,
            entity=(_RUN, f"{before:%Y-%m-%d}"),
            detail={
                "before": f"{before:%Y-%m-%dT%H:%M:%SZ}", "days": settings.PHOTO_RETENTION_DAYS,
                "consultations": report.consultations, "photos": report.photos,
                "heatmaps": report.heatmaps, "postponed": len(report.postponed),
            },
        )  # fmt: skip
    return report


def run_when_due() -> None:
    """The daily run; every worker asks, one of them does it."""
    last = AuditEvent.objects.filter(action=Action.RETENTION_APPLIED).order_by("-id").first()
    if limit() is not None and (last is None or timezone.now() - last.recorded_at >= _EVERY):
        run(actor=None)


def runs(*, most: int = 30) -> list[Run]:
    """The newest runs."""
    rows = AuditEvent.objects.filter(action=Action.RETENTION_APPLIED).order_by("-id")[:most]
    return [Run(row.recorded_at, row.actor_name, json.loads(row.canonical_json)["detail"]) for row in rows]
