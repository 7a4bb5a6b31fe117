"""Submitting analyses, and the transitions of their rows. Every one is a conditional UPDATE."""

import logging
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, BinaryIO

from django.db import transaction
from django.db.models import Count, F, Q
from django.utils import timezone

from accounts import audit, policy
from accounts.models import User
from consultations import selectors
from consultations.models import LIVE, Analysis, Consultation, Photo, Status
from consultations.services import guards, photos
from consultations.services.dispatch import Queue, publisher
from consultations.webhooks.announcing import announce
from dermatech.core import context
from dermatech.core.errors import Conflict

logger = logging.getLogger(__name__)

# A worker renews it every few seconds while it works (`keeping`), so it says how long work rests after a
# machine died, not how long an analysis may take.
LEASE = timedelta(seconds=25)
# No lease ends later than that, and nothing was sent later than that: the clock was set back since.
CLOCK_SLACK = timedelta(seconds=30)
# Errors come from the case (or the store): three are enough to believe them.
MAX_ERRORS = 3
# Interruptions come from machines that die; a case that is there every time is the cause itself.
MAX_INTERRUPTIONS = 5
QUARANTINED = "quarantined"
# What a case does to the process that works on it; done at every try, the case is put under quarantine.
HARMS = {
    "time_limit": "took longer than an analysis may take",
    "out_of_memory": "needed more memory than an analysis may have",
    "worker_lost": "ended the process that worked on it",
}


class FenceLost(Exception):
    """Another worker has taken this analysis over; what was computed here counts for nothing."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to finish one analysis, as long as its fence stands."""

    analysis_id: uuid.UUID
    consultation_id: uuid.UUID
    fence: int
    started: datetime


# --- Submitting ---------------------------------------------------------------------------------
def queue(*, actor: User, consultation: Consultation, photos: Sequence[Photo]) -> Analysis:
    """A queued analysis in the caller's transaction; its id goes to the broker after the commit."""
    analysis = Analysis.objects.create(
        consultation=consultation,
        submitted_by=actor,
        request_id=context.current().request_id,
        sent_at=timezone.now(),
    )
    analysis.photos.set(photos)
    audit.record(
        actor=actor,
        action=audit.Action.ANALYSIS_QUEUED,
        entity=analysis,
        patient=consultation.pk,
        detail={"photos": len(photos)},
    )
    # Robust: whatever the broker does, the caller's work is done and is answered as done.
    transaction.on_commit(partial(publisher.send, analysis.pk), robust=True)
    return analysis


@contextmanager
def submitting(*, actor: User, consultation_id: uuid.UUID, photo_id: uuid.UUID) -> Iterator[Analysis]:
    """Queue an analysis of a stored photo; yields it inside the transaction. One that is still
    queued or running for the same photo is given again. Raises NotFound, Forbidden, Conflict."""
    policy.require(actor, policy.Permission.CONSULTATION_WRITE)
    found = selectors.consultation_for(actor, consultation_id)
    photo = selectors.photo_for(actor, consultation_id, photo_id)
    with transaction.atomic():
        consultation = guards.locked(found)
        yield _live_or_queued(actor, consultation, photo)


@contextmanager
def submitting_upload(*, actor: User, consultation_id: uuid.UUID, upload: BinaryIO) -> Iterator[Analysis]:
    """Add a photo to a consultation and queue its analysis; yields it inside the transaction."""
    with photos.adding_photo(actor=actor, consultation_id=consultation_id, upload=upload) as added:
        consultation, photo, _ = added
        yield _live_or_queued(actor, consultation, photo)


def _live_or_queued(actor: User, consultation: Consultation, photo: Photo) -> Analysis:
    live = (
        consultation.analyses.filter(status__in=LIVE)
        .annotate(
            total=Count("photos", distinct=True),
            mine=Count("photos", filter=Q(photos=photo), distinct=True),
        )
        .filter(total=1, mine=1)
        .first()
    )
    if live is not None:
        return live
    _touch(consultation.pk)
    return queue(actor=actor, consultation=consultation, photos=[photo])


# --- Transitions --------------------------------------------------------------------------------
def claim(analysis_id: uuid.UUID) -> Claim | None:
    """Take a queued analysis, or a running one whose lease has expired. None when it is finished,
    held by somebody else, gone, or spent (then it is failed as quarantined)."""
    now = timezone.now()
    row = (
        Analysis.objects.filter(pk=analysis_id)
        .filter(Q(status=Status.QUEUED) | abandoned(now))
        .values("status", "fence", "interruptions", "consultation_id")
        .first()
    )
    if row is None:
        return None
    interruptions = row["interruptions"] + (row["status"] == Status.RUNNING)
    mine = Analysis.objects.filter(pk=analysis_id, status=row["status"], fence=row["fence"])
    if row["status"] == Status.RUNNING:
        mine = mine.filter(abandoned(now))
    if interruptions > MAX_INTERRUPTIONS:
        _quarantine(mine, analysis_id, row["consultation_id"], interruptions)
        return None
    with transaction.atomic():
        won = mine.update(
            status=Status.RUNNING,
            fence=row["fence"] + 1,
            lease_until=now + LEASE,
            interruptions=interruptions,
            started_at=now,
            updated_at=now,
        )
        if not won:
            return None
        _record(audit.Action.ANALYSIS_STARTED, analysis_id, row["consultation_id"], fence=row["fence"] + 1)
    return Claim(analysis_id, row["consultation_id"], row["fence"] + 1, started=now)


def abandoned(now: datetime) -> Q:
    """Running rows whose worker is gone: the lease has expired, or was given before the clock was set
    back and would hold for as long as that was."""
    return Q(status=Status.RUNNING) & (Q(lease_until__lt=now) | Q(lease_until__gt=now + LEASE + CLOCK_SLACK))


def renew(claim: Claim) -> None:
    """Prolong the lease while working. Raises FenceLost."""
    now = timezone.now()
    if not _held(claim).update(lease_until=now + LEASE, updated_at=now):
        raise FenceLost(str(claim.analysis_id))


def finish(claim: Claim, **outcome: Any) -> Analysis:
    """running -> succeeded, in the caller's transaction. Raises FenceLost."""
    now = timezone.now()
    won = _held(claim).update(
        status=Status.SUCCEEDED,
        finished_at=now,
        duration_ms=_milliseconds(claim, now),
        lease_until=None,
        error_code="",
        error_detail="",
        updated_at=now,
        **outcome,
    )
    if not won:
        raise FenceLost(str(claim.analysis_id))
    _record(
        audit.Action.ANALYSIS_SUCCEEDED,
        claim.analysis_id,
        claim.consultation_id,
        fence=claim.fence,
        level=outcome["triage_level"],
    )
    announce(analysis_id=claim.analysis_id, consultation_id=claim.consultation_id, status=Status.SUCCEEDED)
    return Analysis.objects.get(pk=claim.analysis_id)


def fail(claim: Claim, *, code: str, detail: str, final: bool) -> Status | None:
    """running -> queued for another try, or -> failed when `final` or the budget is spent. None when
    the fence was lost meanwhile."""
    now = timezone.now()
    with transaction.atomic():
        row = _held(claim).values("attempts").first()
        if row is None:
            return None
        attempts = row["attempts"] + 1
        ends = final or attempts >= MAX_ERRORS
        status = Status.FAILED if ends else Status.QUEUED
        if ends and code in HARMS:
            detail = f"At the last of {attempts} tries it {HARMS[code]}; it is not tried again by itself."
            code = QUARANTINED
            logger.error("analysis %s is quarantined", claim.analysis_id)
        won = _held(claim).update(
            status=status,
            attempts=attempts,
            lease_until=None,
            # The sweeper sends it again, which is the pause between two tries.
            sent_at=now,
            finished_at=now if ends else None,
            duration_ms=_milliseconds(claim, now) if ends else None,
            error_code=code,
            error_detail=detail,
            updated_at=now,
        )
        if not won:
            return None
        if ends:
            _touch(claim.consultation_id)
            announce(
                analysis_id=claim.analysis_id, consultation_id=claim.consultation_id, status=Status.FAILED
            )
            _record(
                audit.Action.ANALYSIS_FAILED,
                claim.analysis_id,
                claim.consultation_id,
                outcome=audit.Outcome.FAILED,
                code=code,
                attempts=attempts,
            )
    return status


def lost(analysis_id: uuid.UUID, *, since: datetime, code: str) -> Status | None:
    """The process that was given this analysis at `since` ended without a word, `code` says how: one
    more error of the case. None when it did not hold it (any more)."""
    row = (
        Analysis.objects.filter(pk=analysis_id, status=Status.RUNNING, started_at__gte=since)
        .only("fence", "consultation_id", "started_at")
        .first()
    )
    if row is None or row.started_at is None:
        return None
    held = Claim(analysis_id, row.consultation_id, row.fence, started=row.started_at)
    return fail(held, code=code, detail=f"The analysis {HARMS[code]}.", final=False)


def retry(*, actor: User, analysis_id: uuid.UUID, queue: Queue = Queue.INTERACTIVE) -> Analysis:
    """failed -> queued with fresh budgets, by a person; many at once belong into the bulk queue. Raises
    NotFound, Forbidden, Conflict."""
    policy.require(actor, policy.Permission.CONSULTATION_READ_ALL)
    analysis = selectors.analysis_for(actor, analysis_id)
    guards.check_supervised(actor, analysis.consultation)
    now = timezone.now()
    with transaction.atomic():
        won = Analysis.objects.filter(pk=analysis_id, status=Status.FAILED).update(
            status=Status.QUEUED,
            attempts=0,
            interruptions=0,
            sent_at=now,
            finished_at=None,
            duration_ms=None,
            error_code="",
            error_detail="",
            updated_at=now,
        )
        if not won:
            raise Conflict("Only a failed analysis can be tried again.", code="analysis_not_failed")
        audit.record(
            actor=actor,
            action=audit.Action.ANALYSIS_QUEUED,
            entity=analysis,
            patient=analysis.consultation_id,
            purpose=audit.Purpose.OPERATIONS,
            detail={"retry": True, "error": analysis.error_code},
        )
        transaction.on_commit(partial(publisher.send, analysis_id, queue=queue), robust=True)
    analysis.refresh_from_db()
    return analysis


def _held(claim: Claim) -> Any:
    return Analysis.objects.filter(pk=claim.analysis_id, status=Status.RUNNING, fence=claim.fence)


def _milliseconds(claim: Claim, now: datetime) -> int:
    return max(0, round((now - claim.started).total_seconds() * 1000))


def _quarantine(mine: Any, analysis_id: uuid.UUID, consultation_id: uuid.UUID, interruptions: int) -> None:
    now = timezone.now()
    with transaction.atomic():
        won = mine.update(
            status=Status.FAILED,
            fence=F("fence") + 1,
            lease_until=None,
            finished_at=now,
            interruptions=interruptions,
            error_code=QUARANTINED,
            error_detail="The worker vanished every time it worked on this; it is not tried again by itself.",
            updated_at=now,
        )
        if won:
            logger.error("analysis %s is quarantined", analysis_id)
            _touch(consultation_id)
            announce(analysis_id=analysis_id, consultation_id=consultation_id, status=Status.FAILED)
            _record(
                audit.Action.ANALYSIS_FAILED,
                analysis_id,
                consultation_id,
                outcome=audit.Outcome.FAILED,
                code=QUARANTINED,
                interruptions=interruptions,
            )


def _touch(consultation_id: uuid.UUID) -> None:
    """Let phones that ask what changed since see it; the facts and their version stay."""
    Consultation.objects.filter(pk=consultation_id).update(updated_at=timezone.now())


def _record(
    action: audit.Action,
    analysis_id: uuid.UUID,
    consultation_id: uuid.UUID,
    *,
    outcome: audit.Outcome = audit.Outcome.SUCCESS,
    **detail: str | int | bool | None,
) -> None:
    """An event of the system's own work on an analysis."""
    audit.record(
        actor=None,
        action=action,
        entity=("consultations.analysis", str(analysis_id)),
        outcome=outcome,
        patient=consultation_id,
        detail=detail,
    )
