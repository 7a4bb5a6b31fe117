"""The outbox: what is to be written to whom."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models.user import User
from dermatech.core.fields import EncryptedTextField
from dermatech.core.models import BaseModel


class OutgoingMail(BaseModel):
    """One letter, queued in the transaction of what it tells of and sent by a worker.

    State: queued -> sent | dropped | failed. A password reset is queued by address, whether or not
    somebody has it, so that the request does the same work for both; the worker looks who it is.
    """

    class Kind(models.TextChoices):
        REGISTRATION_RECEIVED = "registration_received", "Registration received"
        REGISTRATION_DUPLICATE = "registration_duplicate", "Registered again"
        REGISTRATION_VERIFIED = "registration_verified", "Registration verified"
        REGISTRATION_REFUSED = "registration_refused", "Registration refused"
        ACCOUNT_CREATED = "account_created", "Account created"
        ACCOUNT_DEACTIVATED = "account_deactivated", "Account deactivated"
        PASSWORD_RESET = "password_reset", "Password reset"
        PASSWORD_CHANGED = "password_changed", "Password changed"
        AUDIT_CHECKPOINT = "audit_checkpoint", "Checkpoint of the audit log"
        SECOND_FACTOR_CHANGED = "second_factor_changed", "Second factor changed"
        REGISTRATION_QUESTION = "registration_question", "Question about a registration"

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        SENT = "sent", "Sent"
        DROPPED = "dropped", "Dropped: nobody to write to"
        FAILED = "failed", "Failed"

    kind = models.CharField(max_length=30, choices=Kind)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    address = EncryptedTextField(blank=True, default="", help_text="Where the letter is queued by address.")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(help_text="Not before; moved forward while a worker holds it.")
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=200, blank=True, default="", help_text="Of the last attempt.")

    class Meta:
        verbose_name = "outgoing mail"
        verbose_name_plural = "outgoing mail"
        ordering = ("-created_at", "-id")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False)
                | (~Q(state="sent") & Q(sent_at__isnull=True)),
                name="outgoing_mail_sent_has_a_time",
            ),
        ]
        indexes: ClassVar = [
            # The worker's poll for what is due.
            models.Index(fields=["due_at"], name="outgoing_mail_due", condition=Q(state="queued")),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()
