"""Image models that were installed: what they are, what they may be used for, and their state."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from dermatech.core.models import BaseModel


class ModelState(models.TextChoices):
    """
    draft -> shadow -> active -> retired, and back from retired to active.

    draft: checked and stored, used for nothing. shadow: runs silently beside the active one, at most one
    does, and comes from draft or retired. active: its evidence enters answers; there is at most one.
    retired: was used, is kept so that old analyses can be replayed.

    In production two people put a model in force and two take it out: one asks for its retirement, another
    approves. One who stops it in an emergency is reviewed by another before it can be active again.
    """

    DRAFT = "draft", "Draft"
    SHADOW = "shadow", "Shadow"
    ACTIVE = "active", "Active"
    RETIRED = "retired", "Retired"


class ModelVersion(BaseModel):
    """One checked model package. The row never changes but in its state; the ONNX file lies in the
    default storage under `storage_key`, its content fixed by `sha256`."""

    name = models.SlugField(max_length=64)
    version = models.CharField(max_length=32)
    sha256 = models.CharField(max_length=64, help_text="Of model.onnx, as lower-case hexadecimal.")
    size_bytes = models.PositiveIntegerField()
    storage_key = models.CharField(max_length=200)
    manifest = models.JSONField(help_text="The package's manifest.json as it was checked.")
    checks = models.JSONField(default=list, help_text="What was checked at installation, and what was found.")
    state = models.CharField(max_length=8, choices=ModelState, default=ModelState.DRAFT)
    installed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    activated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    activated_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    retired_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    retirement_reason = models.TextField(blank=True, default="", db_default="")
    retirement_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    retirement_asked_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField("stopped in an emergency", null=True, blank=True)
    stop_review = models.TextField("review of the stop", blank=True, default="", db_default="")
    stop_reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    stop_reviewed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "image model"
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="modelversion_name_version"),
            # Also the index that every analysis reads to find the model in force.
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="active"), name="modelversion_one_active"
            ),
            # Also the index that every finished analysis reads to find who looks on.
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="shadow"), name="modelversion_one_shadow"
            ),
            models.CheckConstraint(condition=Q(state__in=ModelState.values), name="modelversion_state"),
            models.CheckConstraint(
                condition=~Q(state="active") | Q(activated_at__isnull=False),
                name="modelversion_active_since",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    @property
    def retirement_waits(self) -> bool:
        """Somebody asked for its retirement, and nobody has decided yet."""
        return self.state == ModelState.ACTIVE and self.retirement_asked_at is not None

    @property
    def review_waits(self) -> bool:
        """It was stopped in an emergency, and nobody has looked at why yet."""
        return self.stopped_at is not None and self.stop_reviewed_at is None

    @property
    def scope(self) -> list[str]:
        """The presentations it was made for."""
        return list(self.manifest.get("scope", []))

    @property
    def clinical_use(self) -> bool:
        """Whether an authority approved it for clinical use."""
        return bool(self.manifest.get("clinical_use", False))

    @property
    def short_hash(self) -> str:
        """The first 12 digits of the hash, enough to tell versions apart by eye."""
        return self.sha256[:12]
