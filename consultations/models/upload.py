"""A photo on its way: what has arrived of it so far."""

from django.db import models
from django.db.models import F, Q

from accounts.models import User
from consultations.models.analysis import Analysis
from consultations.models.consultation import Consultation
from consultations.models.photo import Photo
from dermatech.core.fields import EncryptedTextField
from dermatech.core.models import BaseModel


class UploadState(models.TextChoices):
    """open -> done, refused or expired. With all bytes there it stays open until it is a photo."""

    OPEN = "open", "Open"
    DONE = "done", "Done"
    REFUSED = "refused", "Refused"
    EXPIRED = "expired", "Expired"


class Upload(BaseModel):
    """One photo sent in parts. Whoever holds `lock` appends; every append is a conditional UPDATE on it
    and on `received`, so that parts never overlap and never leave a gap."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", editable=False)
    consultation = models.ForeignKey(
        Consultation, on_delete=models.CASCADE, related_name="uploads", editable=False
    )
    state = models.CharField(max_length=10, choices=UploadState, default=UploadState.OPEN, editable=False)
    length = models.PositiveIntegerField(editable=False, help_text="Bytes of the whole photo.")
    received = models.PositiveIntegerField(default=0, editable=False, help_text="Bytes that are there.")
    metadata = EncryptedTextField(
        blank=True, default="", editable=False, help_text="As it was sent; a file name may name a patient."
    )
    parts = models.JSONField(
        default=list, editable=False, help_text="Files in the store, in order: name, bytes, sealed."
    )
    lock = models.UUIDField(null=True, editable=False, help_text="Who appends at this moment.")
    locked_until = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(editable=False)
    error_code = models.CharField(max_length=60, blank=True, default="", editable=False)
    error_detail = models.TextField(blank=True, default="", editable=False)
    # A picture that is erased takes the trace of its sending along.
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, null=True, related_name="+", editable=False)
    analysis = models.ForeignKey(
        Analysis, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )

    class Meta:
        ordering = ("created_at", "id")
        constraints = [
            models.CheckConstraint(condition=Q(state__in=UploadState.values), name="upload_state_known"),
            models.CheckConstraint(
                condition=Q(length__gt=0, received__lte=F("length")), name="upload_never_longer_than_said"
            ),
            models.CheckConstraint(
                condition=Q(lock__isnull=True, locked_until__isnull=True)
                | Q(lock__isnull=False, locked_until__isnull=False),
                name="upload_lock_has_an_end",
            ),
            models.CheckConstraint(
                condition=~Q(state=UploadState.REFUSED) | ~Q(error_code=""), name="upload_refused_has_code"
            ),
        ]
        indexes = [
            # How many somebody has open, and how many bytes all together.
            models.Index(fields=("owner",), condition=Q(state="open"), name="upload_open_of_owner"),
            # The clean-up: open ones whose time is over.
            models.Index(fields=("expires_at",), condition=Q(state="open"), name="upload_open_until"),
            # The clean-up: rows that are kept long enough.
            models.Index(fields=("created_at",), name="upload_created"),
        ]

    def __str__(self) -> str:
        return f"Upload {self.pk}"

    @property
    def is_complete(self) -> bool:
        """Whether every byte is there."""
        return self.received == self.length
