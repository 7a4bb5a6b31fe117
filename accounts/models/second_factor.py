"""What somebody proves beside a password: the codes of an authenticator app, and codes on paper."""

from typing import ClassVar

from django.db import models

from accounts.models.user import User
from dermatech.core.fields import EncryptedTextField
from dermatech.core.models import BaseModel


class SecondFactor(BaseModel):
    """The authenticator app of one person (RFC 6238: SHA-1, six digits, thirty seconds).

    State: set up (`confirmed_at` empty) -> in use. `last_step` only grows, so that no code counts twice.
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="second_factor")
    secret = EncryptedTextField(
        editable=False, help_text="Base32. Encrypted at rest; shown once, as a picture."
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)
    last_step = models.BigIntegerField(
        default=-1,
        editable=False,
        help_text="Of the last code that was accepted, in steps of 30 s since 1970.",
    )
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"Authenticator app of {self.user.full_name}"


class RecoveryCode(BaseModel):
    """One code on paper, for the day on which the phone is lost. As its SHA-256; good for one use."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64, editable=False)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints: ClassVar = [
            # Also how a code is looked up.
            models.UniqueConstraint(fields=["user", "digest"], name="recovery_code_once_per_user"),
        ]

    def __str__(self) -> str:
        return f"Recovery code {self.pk}"
