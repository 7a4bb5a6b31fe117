"""Sending what is due. The rows are the truth; several workers may run this at once.

The database is asked before and after, never while a receiver is waited for.
"""

import logging
import secrets
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts import audit
from consultations.models import Webhook, WebhookDelivery
from consultations.webhooks import signing
from consultations.webhooks.sending import Answer, Letter, Sender

logger = logging.getLogger(__name__)

# Pauses between the tries: ten tries in a day and a half, as Standard Webhooks suggests.
PAUSES: Final = tuple(
    timedelta(seconds=each) for each in (5, 30, 120, 600, 1800, 7200, 18_000, 36_000, 72_000)
)
MOST_TRIES: Final = len(PAUSES) + 1
# A receiver that fails this often in a row, whatever it is sent, is not told any more.
MOST_FAILURES: Final = 30
# Longer than all messages of one round can take, so that nobody sends what is being sent.
_LEASE: Final = timedelta(minutes=3)
_AT_ONCE: Final = 4  # receivers
_BATCH: Final = 40
_OF_ONE: Final = 10  # messages to one receiver in one round
_KEPT: Final = timedelta(days=30)
_State, _Message = Webhook.State, WebhookDelivery.State


@dataclass(frozen=True, slots=True)
class _Job:
    """One message that this worker has taken."""

    delivery: WebhookDelivery
    letter: Letter


def deliver_due(*, sender: Sender | None = None) -> int:
    """Send what is due; how many messages arrived."""
    now = timezone.now()
    jobs = [job for each in _due(now) if (job := _take(each, now)) is not None]
    if not jobs:
        return 0
    sender = sender or Sender(local=settings.DEBUG)
    rounds = [list(group) for _, group in groupby(jobs, key=lambda job: job.delivery.webhook_id)]
    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(rounds)), thread_name_prefix="webhook") as threads:
        answers = list(threads.map(lambda group: _send_all(sender, group), rounds))
    return sum(
        _settle(job.delivery, said.get(job.delivery.pk))
        for group, said in zip(rounds, answers, strict=True)
        for job in group
    )


def clear_old() -> int:
    """Delete messages that arrived, or were given up, a month ago; how many those were."""
    before = timezone.now() - _KEPT
    old = WebhookDelivery.objects.exclude(state=_Message.QUEUED).filter(updated_at__lt=before)
    return old.delete()[0]


def _due(now: datetime) -> list[WebhookDelivery]:
    """Oldest first, of each receiver a few."""
    rows = (
        WebhookDelivery.objects.filter(state=_Message.QUEUED, due_at__lte=now, webhook__state=_State.ACTIVE)
        .select_related("webhook")
        .order_by("due_at")[:_BATCH]
    )
    by_receiver: dict[uuid.UUID, list[WebhookDelivery]] = {}
    for row in rows:
        by_receiver.setdefault(row.webhook_id, []).append(row)
    return [row for group in by_receiver.values() for row in group[:_OF_ONE]]


def _take(delivery: WebhookDelivery, now: datetime) -> _Job | None:
    """Of two workers that read the same row, one moves `due_at`."""
    mine = WebhookDelivery.objects.filter(
        pk=delivery.pk, state=_Message.QUEUED, due_at=delivery.due_at
    ).update(due_at=now + _LEASE, attempts=F("attempts") + 1, updated_at=now)
    if not mine:
        return None
    delivery.attempts += 1
    webhook, body = delivery.webhook, delivery.body.encode()
    live = [webhook.secret]
    if webhook.previous_until is not None and webhook.previous_until > now:
        live.append(webhook.previous_secret)
    signed = signing.headers(live, message_id=str(delivery.pk), timestamp=int(now.timestamp()), body=body)
    return _Job(delivery, Letter(webhook.url, body, signed))


def _send_all(sender: Sender, jobs: Sequence[_Job]) -> Mapping[uuid.UUID, Answer]:
    """One after the other; a receiver that does not answer at all is left alone for this round."""
    said: dict[uuid.UUID, Answer] = {}
    for job in jobs:
        answer = said[job.delivery.pk] = sender.send(job.letter)
        if answer.status is None or answer.gone:
            break
    return said


def _settle(delivery: WebhookDelivery, answer: Answer | None) -> bool:
    """Write down how a try ended. Whether it arrived."""
    now = timezone.now()
    mine = WebhookDelivery.objects.filter(pk=delivery.pk, state=_Message.QUEUED, attempts=delivery.attempts)
    if answer is None:  # the receiver did not answer the one before: this one was not tried
        mine.update(attempts=F("attempts") - 1, due_at=now + PAUSES[0], updated_at=now)
        return False
    with transaction.atomic():
        if answer.taken:
            _arrived(mine, delivery, answer, now)
        else:
            _failed(mine, delivery, answer, now)
    return answer.taken


def _arrived(
    mine: QuerySet[WebhookDelivery], delivery: WebhookDelivery, answer: Answer, now: datetime
) -> None:
    mine.update(
        state=_Message.SENT, sent_at=now, status=answer.status, milliseconds=answer.milliseconds,
        error="", updated_at=now,
    )  # fmt: skip
    Webhook.objects.filter(pk=delivery.webhook_id).update(failures=0, succeeded_at=now)
    audit.record(
        actor=None,
        action=audit.Action.WEBHOOK_SENT,
        entity=delivery.webhook,
        purpose=audit.Purpose.OPERATIONS,
        detail={
            "message": str(delivery.pk),
            "event": delivery.event,
            "analysis": str(delivery.analysis_id or ""),
        },
    )


def _failed(
    mine: QuerySet[WebhookDelivery], delivery: WebhookDelivery, answer: Answer, now: datetime
) -> None:
    final = delivery.attempts >= MOST_TRIES
    mine.update(
        state=_Message.FAILED if final else _Message.QUEUED,
        due_at=now if final else now + pause(delivery.attempts),
        status=answer.status, milliseconds=answer.milliseconds, error=answer.error, updated_at=now,
    )  # fmt: skip
    logger.warning(
        "webhook message %s did not arrive, try %d: %s", delivery.pk, delivery.attempts, answer.error
    )
    Webhook.objects.filter(pk=delivery.webhook_id).update(failures=F("failures") + 1)
    if answer.gone:
        _stop(delivery.webhook, _State.OFF, "The receiver answered 410: it wants no more messages.")
    else:
        row = Webhook.objects.filter(pk=delivery.webhook_id, failures__gte=MOST_FAILURES).first()
        if row is not None:
            _stop(row, _State.FAILING, f"{row.failures} tries in a row failed; the last: {answer.error}")


def pause(tries: int) -> timedelta:
    """Until the next try after `tries` of them, give or take a fifth: receivers that were down together are
    not all asked at once."""
    spread = 0.8 + 0.4 * secrets.randbelow(1000) / 1000
    return PAUSES[min(tries, len(PAUSES)) - 1] * spread


def _stop(webhook: Webhook, state: Webhook.State, reason: str) -> None:
    """active -> failing or off, by the system; shown in the admin's navigation until a person acts."""
    stopped = Webhook.objects.filter(pk=webhook.pk, state=_State.ACTIVE).update(
        state=state, state_reason=reason[:200], updated_at=timezone.now()
    )
    if not stopped:
        return
    logger.error("webhook %s is stopped: %s", webhook.pk, reason)
    audit.record(
        actor=None,
        action=audit.Action.WEBHOOK_UPDATED,
        entity=webhook,
        purpose=audit.Purpose.OPERATIONS,
        detail={"what": "stopped", "why": reason[:200]},
    )
