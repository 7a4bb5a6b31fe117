"""What `Idempotency-Key` remembers."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models.user import User
from dermatech.core.fields import EncryptedTextField
from dermatech.core.models import BaseModel


class IdempotencyRecord(BaseModel):
    """The first answer to a key of a user, given again for 24 hours.

    State: in_flight -> done. An interrupted one is dropped by whoever finds it too old.
    """

    class State(models.TextChoices):
        IN_FLIGHT = "in_flight", "In flight"
        DONE = "done", "Done"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    method = models.CharField(max_length=10, blank=True, default="")
    path = models.CharField(max_length=300, blank=True, default="")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body, as hex.")
    state = models.CharField(max_length=10, choices=State, default=State.IN_FLIGHT)
    status_code = models.PositiveSmallIntegerField(null=True, blank=True)
    headers = models.JSONField(default=dict, blank=True)
    body = EncryptedTextField(blank=True, default="", help_text="The answer's JSON; it may name a patient.")
    expires_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_once_per_user"),
            models.CheckConstraint(
                condition=Q(state="in_flight") | Q(state="done", status_code__isnull=False),
                name="idempotency_done_has_a_status",
            ),
        ]
        indexes: ClassVar = [
            # The clean-up of expired keys.
            models.Index(fields=["expires_at"], name="idempotency_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key}"
