"""Access in an emergency: a supervisor opens one patient's record outside their region."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models.premises import Premises
from accounts.models.user import User
from dermatech.core.fields import EncryptedTextField
from dermatech.core.models import BaseModel


class EmergencyAccessQuerySet(models.QuerySet["EmergencyAccess"]):
    def open(self, *, now: datetime | None = None) -> Self:
        """Neither over nor ended early."""
        return self.filter(ended_at__isnull=True, expires_at__gt=now or timezone.now())

    def unreviewed(self) -> Self:
        """Those that nobody has judged yet, open ones included."""
        return self.filter(reviewed_at__isnull=True)


class EmergencyAccess(BaseModel):
    """One record opened by one supervisor for a few hours ("break-glass"), for reading alone.

    State: open -> ended early | run out; at any time a colleague reviews it, once. `accounts.policy`
    reads the open ones, so they count wherever records are reached.
    """

    class Verdict(models.TextChoices):
        """What a colleague says about it."""

        JUSTIFIED = "justified", "Justified"
        NOT_JUSTIFIED = "not_justified", "Not justified"

    supervisor = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="emergency_accesses", editable=False
    )
    # Consultations are above accounts; what they do to a record, this row outlasts.
    consultation_id = models.UUIDField(editable=False, help_text="The record that was opened.")
    premises = models.ForeignKey(
        Premises, on_delete=models.PROTECT, related_name="+", editable=False,
        help_text="Where the patient was seen.",
    )  # fmt: skip
    reason = EncryptedTextField(editable=False, help_text="Why, in the supervisor's words.")
    expires_at = models.DateTimeField(editable=False, help_text="Nothing is shown after this.")
    ended_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="Where it ended early.")
    ended_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    reviewed_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    reviewed_at = models.DateTimeField(null=True, blank=True, editable=False)
    verdict = models.CharField(max_length=20, choices=Verdict, blank=True, default="", editable=False)
    review_note = EncryptedTextField(blank=True, default="", editable=False)

    objects = EmergencyAccessQuerySet.as_manager()

    class Meta:
        verbose_name = "emergency access"
        verbose_name_plural = "emergency accesses"
        ordering = ("-created_at", "-id")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="emergency_access_is_limited"
            ),
            models.CheckConstraint(
                condition=Q(reviewed_at__isnull=True, reviewed_by__isnull=True, verdict="")
                | Q(
                    reviewed_at__isnull=False,
                    reviewed_by__isnull=False,
                    verdict__in=("justified", "not_justified"),
                ),
                name="emergency_access_reviewed_as_a_whole",
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by__isnull=True) | ~Q(reviewed_by=F("supervisor")),
                name="emergency_access_reviewed_by_another",
            ),
        ]
        indexes: ClassVar = [
            # The policy: what a supervisor may read outside their region at this moment.
            models.Index(
                fields=["supervisor", "expires_at"],
                name="emergency_access_open",
                condition=Q(ended_at__isnull=True),
            ),
            # The number beside the page of the navigation.
            models.Index(
                fields=["created_at"], name="emergency_access_waiting", condition=Q(reviewed_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"Emergency access of {self.supervisor.full_name}"

    def is_open(self, *, now: datetime | None = None) -> bool:
        """Whether it lets its supervisor read at this moment."""
        return self.ended_at is None and self.expires_at > (now or timezone.now())
