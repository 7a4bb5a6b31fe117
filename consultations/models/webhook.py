"""Which other systems are told of finished analyses, and the outbox of what they are told."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from consultations.models.analysis import Analysis
from dermatech.core.fields import EncryptedTextField
from dermatech.core.models import BaseModel


class Webhook(BaseModel):
    """
    One address of one pharmacy's system.

    ```
      active ──── too many failures in a row ────▶ failing      active, failing ── by a person ──▶ off
        ▲                                             │                                             │
        └────────────── by a person ──────────────────┴──────────────── by a person ────────────────┘
    ```
    active: told. failing: not told, what it misses is kept and sent when it is active again.
    off: not told, nothing is kept.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        FAILING = "failing", "Stopped after failures"
        OFF = "off", "Switched off"

    name = models.CharField(max_length=100, help_text="Which system it is, for example: Osu stock and till.")
    premises = models.ForeignKey(
        "accounts.Premises", on_delete=models.PROTECT, related_name="webhooks",
        help_text="It is told of the analyses of these premises only.",
    )  # fmt: skip
    url = models.CharField(
        "address", max_length=500,
        help_text="HTTPS, reachable from the internet, for example: https://till.example.com/dermatech",
    )  # fmt: skip
    secret = EncryptedTextField(editable=False, help_text="Signs every message.")
    previous_secret = EncryptedTextField(blank=True, default="", editable=False)
    previous_until = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Until then messages bear a second signature by it."
    )
    state = models.CharField(max_length=8, choices=State, default=State.ACTIVE, editable=False)
    state_reason = models.CharField("why", max_length=200, blank=True, default="", editable=False)
    failures = models.PositiveIntegerField(
        "failures in a row", default=0, editable=False, help_text="Tries that failed since the last success."
    )
    succeeded_at = models.DateTimeField("last success", null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )

    class Meta:
        ordering: ClassVar = ["name", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=("active", "failing", "off")), name="webhook_state_known"
            ),
            # Also the index by which a finished analysis finds who is told.
            models.UniqueConstraint(fields=["premises", "url"], name="webhook_address_once"),
            models.CheckConstraint(
                condition=Q(previous_secret="", previous_until__isnull=True)
                | (~Q(previous_secret="") & Q(previous_until__isnull=False)),
                name="webhook_previous_secret_ends",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class WebhookDelivery(BaseModel):
    """One message to one address: written in the transaction of what it tells of, sent by a worker.

    State: queued -> sent | failed (after the last try); failed -> queued by a person. `id` is the message
    id that the receiver sees, the same at every try.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"

    class Event(models.TextChoices):
        SUCCEEDED = "analysis.succeeded", "Analysis succeeded"
        FAILED = "analysis.failed", "Analysis failed"
        TEST = "webhook.test", "Test"

    webhook = models.ForeignKey(Webhook, on_delete=models.PROTECT, related_name="deliveries", editable=False)
    analysis = models.ForeignKey(
        Analysis, on_delete=models.PROTECT, related_name="+", null=True, blank=True, editable=False
    )
    event = models.CharField(max_length=20, choices=Event, editable=False)
    body = models.TextField(
        editable=False, help_text="As it is sent: ids and a status, nothing of a patient."
    )
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED, editable=False)
    attempts = models.PositiveSmallIntegerField("tries", default=0, editable=False)
    due_at = models.DateTimeField(editable=False, help_text="Not before; moved forward while it is sent.")
    sent_at = models.DateTimeField(null=True, blank=True, editable=False)
    status = models.PositiveSmallIntegerField(
        "answer", null=True, blank=True, editable=False, help_text="HTTP status of the last try."
    )
    milliseconds = models.PositiveIntegerField(null=True, blank=True, editable=False)
    error = models.CharField(max_length=200, blank=True, default="", editable=False)

    class Meta:
        verbose_name = "webhook message"
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False)
                | (Q(state__in=("queued", "failed"), sent_at__isnull=True)),
                name="webhook_delivery_sent_has_time",
            ),
            models.CheckConstraint(
                condition=Q(analysis__isnull=False) | Q(event="webhook.test"),
                name="webhook_delivery_of_an_analysis",
            ),
            # An analysis that is tried again by a person may fail and then succeed: one message each.
            models.UniqueConstraint(
                fields=["webhook", "analysis", "event"],
                condition=Q(state="queued"),
                name="webhook_delivery_queued_once",
            ),
        ]
        indexes: ClassVar = [
            # The courier: what is due.
            models.Index(fields=["due_at"], condition=Q(state="queued"), name="webhook_delivery_due"),
            # The admin's list of one webhook, and the clearing of old messages.
            models.Index(fields=["webhook", "-created_at"], name="webhook_delivery_of_webhook"),
        ]

    def __str__(self) -> str:
        return f"{self.get_event_display()} {self.pk}"
