"""Writing down what other systems are to be told, in the transaction of what it is about."""

import json
import uuid
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from consultations.models import Status, Webhook, WebhookDelivery

Event = WebhookDelivery.Event
_EVENTS: Final = {Status.SUCCEEDED: Event.SUCCEEDED, Status.FAILED: Event.FAILED}


def announce(*, analysis_id: uuid.UUID, consultation_id: uuid.UUID, status: Status) -> int:
    """A message to every system that is told of this consultation's premises; how many those are. It is
    a row and nothing else: sent by `courier` after the commit, gone with a rollback."""
    told = Webhook.objects.filter(~Q(state=Webhook.State.OFF), premises__consultations=consultation_id)
    ids = list(told.values_list("pk", flat=True))
    if not ids:
        return 0
    event, now = _EVENTS[status], timezone.now()
    body = message(event, now, analysis=analysis_id, consultation=consultation_id, status=status)
    rows = [
        WebhookDelivery(webhook_id=key, analysis_id=analysis_id, event=event, body=body, due_at=now)
        for key in ids
    ]
    # The same still waiting is enough.
    WebhookDelivery.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def announce_test(webhook: Webhook) -> WebhookDelivery:
    """A message that is about nothing, to see whether it arrives."""
    now = timezone.now()
    body = _json({"type": Event.TEST.value, "timestamp": _moment(now), "data": {"webhook": str(webhook.pk)}})
    return WebhookDelivery.objects.create(webhook=webhook, event=Event.TEST, body=body, due_at=now)


def message(
    event: WebhookDelivery.Event,
    now: datetime,
    *,
    analysis: uuid.UUID,
    consultation: uuid.UUID,
    status: Status,
) -> str:
    """The body: which analysis is finished, and where to read it. Nothing about the patient, not even
    how urgent it is; who may know signs in and reads."""
    address = f"{settings.PUBLIC_URL.rstrip('/')}{reverse('analysis', args=[analysis])}"
    data = {
        "analysis": str(analysis),
        "consultation": str(consultation),
        "status": status.value,
        "url": address,
    }
    return _json({"type": event.value, "timestamp": _moment(now), "data": data})


def _moment(now: datetime) -> str:
    return now.isoformat().replace("+00:00", "Z")


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
