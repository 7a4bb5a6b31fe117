"""What a model that nobody is told of says about the same photos."""

from django.db import models
from django.db.models import Q

from consultations.models.analysis import Analysis
from consultations.models.modelversion import ModelVersion
from consultations.models.photo import Photo
from dermatech.core.models import BaseModel


class ShadowRun(BaseModel):
    """One photo read by a model in shadow after its answer was given, beside what the answer rested on.

    It enters no answer. `answered_*` are empty where no active model spoke about this photo. Goes with
    the photo when that is erased.
    """

    model = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, related_name="shadow_runs", editable=False
    )
    analysis = models.ForeignKey(Analysis, on_delete=models.CASCADE, related_name="+", editable=False)
    photo = models.ForeignKey(Photo, on_delete=models.CASCADE, related_name="+", editable=False)
    failed = models.BooleanField(
        default=False, editable=False, help_text="The model could not read the photo."
    )
    label = models.CharField(max_length=100, blank=True, editable=False)
    score = models.FloatField(null=True, editable=False, help_text="How suspicious, 0 to 1.")
    flag = models.BooleanField(null=True, editable=False)
    milliseconds = models.FloatField(editable=False, help_text="From the stored photo to the score.")
    answered_by = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    answered_label = models.CharField(max_length=100, blank=True, editable=False)
    answered_score = models.FloatField(null=True, editable=False)
    answered_flag = models.BooleanField(null=True, editable=False)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = [
            # A photo that is analysed again, or a message delivered twice, counts once.
            models.UniqueConstraint(fields=("model", "photo"), name="shadowrun_photo_once"),
            models.CheckConstraint(
                condition=Q(score__isnull=True) | Q(score__gte=0, score__lte=1), name="shadowrun_score_range"
            ),
            models.CheckConstraint(
                condition=Q(answered_by__isnull=False)
                | Q(answered_score__isnull=True, answered_flag__isnull=True),
                name="shadowrun_answered_by_a_model",
            ),
        ]
        indexes = [
            # The record of one model on its page, oldest and newest first.
            models.Index(fields=("model", "created_at"), name="shadowrun_of_model"),
        ]

    def __str__(self) -> str:
        return f"Shadow run {self.pk}"
