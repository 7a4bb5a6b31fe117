"""A photo as it was made safe: upright, sRGB, without metadata, below two million bytes."""

from django.db import models
from django.db.models import Q

from accounts import policy
from accounts.models import User
from consultations.models.consultation import Consultation
from dermatech.core.models import BaseModel


class Format(models.TextChoices):
    """What a safe photo may be stored as."""

    JPEG = "jpeg", "JPEG"
    WEBP = "webp", "WebP"

    @property
    def media_type(self) -> str:
        """Its Content-Type."""
        return f"image/{self.value}"


class PhotoQuerySet(models.QuerySet["Photo"]):
    def visible_to(self, user: User | None) -> "PhotoQuerySet":
        """Photos of the consultations that `user` may see."""
        return self if user is None else self.filter(policy.scope(user, policy.Verb.READ, self.model))


class Photo(BaseModel):
    """One stored photo. The upload itself is never kept, only its hash."""

    consultation = models.ForeignKey(Consultation, on_delete=models.PROTECT, related_name="photos")
    sha256_in = models.CharField("SHA-256 of the upload", max_length=64, editable=False)
    sha256_out = models.CharField("SHA-256 as stored", max_length=64, editable=False)
    source_format = models.CharField(max_length=10, editable=False)
    format = models.CharField(max_length=10, choices=Format, editable=False)
    width = models.PositiveIntegerField(editable=False, help_text="Pixels, upright.")
    height = models.PositiveIntegerField(editable=False, help_text="Pixels, upright.")
    bytes = models.PositiveIntegerField(editable=False, help_text="Size as stored.")
    ssim = models.FloatField(
        "SSIM",
        editable=False,
        help_text="Structural similarity to the upright original at the stored resolution, 0 to 1.",
    )
    ssim_full = models.FloatField(
        "SSIM, full", editable=False, help_text="The same at the original's own resolution."
    )
    decoder = models.CharField(max_length=200, editable=False, help_text="What decoded the upload.")
    quality = models.JSONField(
        null=True, blank=True, editable=False, help_text="Judged by the analysis; empty until then."
    )
    file = models.FileField(max_length=200, editable=False)
    thumbnail = models.FileField(max_length=200, editable=False)
    rendition = models.FileField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="The picture made smaller, for whoever judges it; empty where it is small itself, and for "
        "photos stored before there were any.",
    )
    rendition_sha256 = models.CharField(
        "SHA-256 of the rendition", max_length=64, blank=True, default="", db_default="", editable=False
    )
    key_id = models.CharField(
        "encrypted with",
        max_length=32,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="Id of the key that the stored files are encrypted with; empty when they are not.",
    )

    objects = PhotoQuerySet.as_manager()

    class Meta:
        ordering = ("created_at", "id")
        constraints = [
            # The same upload twice is one photo. Also the index of a consultation's photos.
            models.UniqueConstraint(fields=("consultation", "sha256_in"), name="photo_upload_once"),
            models.CheckConstraint(condition=Q(format__in=Format.values), name="photo_format_known"),
            models.CheckConstraint(
                condition=Q(width__gt=0, height__gt=0, bytes__gt=0), name="photo_size_positive"
            ),
        ]
        indexes = [
            # The admin's change list.
            models.Index(fields=("-created_at", "-id"), name="photo_list"),
        ]

    def __str__(self) -> str:
        return f"Photo {self.pk}"

    @classmethod
    def file_fields(cls) -> tuple[str, ...]:
        """The fields that name stored files. Whoever writes, moves, erases or counts them asks here."""
        return tuple(field.name for field in cls._meta.local_fields if isinstance(field, models.FileField))

    @property
    def files(self) -> dict[str, str]:
        """The names of its stored files, by field; a file that it does not have is left out."""
        names = {field: str(getattr(self, field).name or "") for field in self.file_fields()}
        return {field: name for field, name in names.items() if name}

    @property
    def media_type(self) -> str:
        """Content-Type of the stored picture."""
        return Format(self.format).media_type
