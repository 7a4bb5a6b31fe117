"""The sweeper: finds what the broker never delivered and what dead workers left behind."""

import logging
import uuid
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from consultations.models import Analysis, Status
from consultations.services.analyses import CLOCK_SLACK, abandoned
from consultations.services.dispatch import publisher

logger = logging.getLogger(__name__)

# A message that has not been taken up by then is taken for lost; sent twice does no harm.
RESEND_AFTER = timedelta(seconds=10)
BATCH = 200


def sweep_once() -> int:
    """Send again every queued analysis that waits too long and every running one whose lease has
    expired. Returns how many were sent; stops at the first that the broker does not take."""
    now = timezone.now()
    late = now - RESEND_AFTER
    waiting = (
        # Sent in the future: the clock was set back since.
        Analysis.objects.filter(Q(sent_at__lt=late) | Q(sent_at__gt=now + CLOCK_SLACK))
        .filter(Q(status=Status.QUEUED) | abandoned(now))
        .order_by("sent_at")
        .values_list("pk", "sent_at")[:BATCH]
    )
    sent = 0
    for analysis_id, sent_at in list(waiting):
        if not _mine(analysis_id, sent_at, now):
            continue  # another sweeper was faster
        if not publisher.send(analysis_id):
            break
        sent += 1
    if sent:
        logger.info("the sweeper sent %d analyses again", sent)
    return sent


def _mine(analysis_id: uuid.UUID, sent_at: datetime, now: datetime) -> bool:
    """Mark the row as sent now; one sweeper wins."""
    return bool(Analysis.objects.filter(pk=analysis_id, sent_at=sent_at).update(sent_at=now))
