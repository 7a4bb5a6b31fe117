"""What every item of knowledge carries: its natural key, how sure we are, from where, and who reviewed it."""

from django.core.validators import RegexValidator
from django.db import models

from dermatech.core.models import BaseModel

CODE = RegexValidator(
    r"^[a-z0-9]+(?:[-_][a-z0-9]+)*$",
    "Lower-case letters and digits, words joined by - or _, as in tinea-corporis.",
)


class Confidence(models.TextChoices):
    """How well the sources carry the item."""

    CONFIRMED = "confirmed", "confirmed by a source that was opened"
    PARTIAL = "partial", "partly confirmed"
    UNVERIFIED = "unverified", "not verified"


class ContentState(models.TextChoices):
    """Where an item stands between the starter content and a review."""

    STARTER = "starter_unreviewed", "starter content, not reviewed"
    EDITED = "edited_unreviewed", "edited, not released yet"
    REVIEWED = "reviewed", "approved by two supervisors"


class KnowledgeItem(BaseModel):
    """Base of all knowledge. `code` is the id that rules, phones and releases use; it never changes."""

    code = models.CharField(
        max_length=80, unique=True, validators=[CODE], help_text="Id used everywhere, as in tinea-corporis."
    )
    confidence = models.CharField(
        max_length=12,
        choices=Confidence.choices,
        default=Confidence.UNVERIFIED,
        help_text="Confirmed only when every statement was read in a source named below.",
    )
    unverified_fields = models.JSONField(
        "not yet verified", default=list, blank=True, help_text="What still rests on memory, one per line."
    )
    sources = models.JSONField(
        default=list,
        blank=True,
        help_text='As [{"id": "gstg2017", "document": "Ghana Standard Treatment Guidelines", '
        '"edition": "2017"}].',
    )
    content_state = models.CharField(
        "review state",
        max_length=20,
        choices=ContentState.choices,
        default=ContentState.EDITED,
        editable=False,
    )

    class Meta:
        abstract = True
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(confidence__in=Confidence.values), name="%(class)s_confidence_known"
            ),
            models.CheckConstraint(
                condition=models.Q(content_state__in=ContentState.values),
                name="%(class)s_content_state_known",
            ),
        ]

    def __str__(self) -> str:
        return self.code
