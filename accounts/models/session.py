"""Device sessions and their refresh tokens."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q

from accounts import policy
from accounts.models.user import User
from accounts.roles import EndReason
from dermatech.core.models import BaseModel


class DeviceSessionQuerySet(models.QuerySet["DeviceSession"]):
    def live(self) -> Self:
        """Not ended, and of the user's present epoch."""
        return self.filter(ended_at__isnull=True, epoch=F("user__epoch"))

    def visible_to(self, user: User | None) -> Self:
        """Everybody's for who may read accounts, otherwise one's own."""
        return self.filter(policy.scope(user, policy.Verb.READ, self.model))


class DeviceSession(BaseModel):
    """One sign-in on one device: the family of its refresh tokens. It ends once and for good."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="device_sessions")
    device_name = models.CharField(max_length=100, blank=True, default="")
    user_agent = models.CharField(max_length=300, blank=True, default="")
    address = models.GenericIPAddressField(null=True, blank=True, help_text="Where it was last used from.")
    epoch = models.PositiveIntegerField(
        help_text="The user's epoch at sign-in; a newer one ends the session."
    )
    last_used_at = models.DateTimeField(help_text="Signed in or refreshed.")
    expires_at = models.DateTimeField(help_text="When its newest refresh token expires.")
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=20, choices=EndReason, blank=True, default="")

    objects = DeviceSessionQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, end_reason="")
                | Q(ended_at__isnull=False, end_reason__in=EndReason.values),
                name="device_session_ended_with_a_reason",
            ),
        ]
        indexes: ClassVar = [
            # GET /auth/sessions, and ending all sessions of a user.
            models.Index(fields=["user", "-created_at", "-id"], name="device_session_of_user"),
        ]

    def __str__(self) -> str:
        return self.device_name or self.user_agent or "Unnamed device"

    def is_live(self, *, epoch: int, now: datetime) -> bool:
        """Whether it still stands for a user whose epoch is `epoch`."""
        return self.ended_at is None and self.epoch == epoch and self.expires_at > now


class RefreshToken(BaseModel):
    """One refresh token as its SHA-256. Spent ones stay until they expire, to recognise reuse."""

    session = models.ForeignKey(DeviceSession, on_delete=models.CASCADE, related_name="refresh_tokens")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True, help_text="When it was exchanged; once only.")
    exchanged_by = models.CharField(
        max_length=64, blank=True, default="", db_default="", editable=False,
        help_text="Digest of the request that exchanged it, so that the same one may ask again.",
    )  # fmt: skip
    sealed_successor = models.TextField(
        blank=True, default="", db_default="", editable=False,
        help_text="The next token, readable only with this one; emptied when the next one is used.",
    )  # fmt: skip

    class Meta:
        indexes: ClassVar = [
            # The clean-up of expired tokens.
            models.Index(fields=["expires_at"], name="refresh_token_expiry"),
        ]

    def __str__(self) -> str:
        return f"Refresh token {self.pk}"
