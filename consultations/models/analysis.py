"""One analysis of the photos of a consultation: a job whose row is the truth."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts import policy
from accounts.models import User
from consultations.models.consultation import Consultation, TriageLevel
from consultations.models.photo import Photo
from dermatech.core.models import BaseModel


class Status(models.TextChoices):
    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"


LIVE = (Status.QUEUED, Status.RUNNING)
FINISHED = (Status.SUCCEEDED, Status.FAILED)


class AnalysisQuerySet(models.QuerySet["Analysis"]):
    def visible_to(self, user: User | None) -> "AnalysisQuerySet":
        """Analyses of the consultations that `user` may see."""
        return self if user is None else self.filter(policy.scope(user, policy.Verb.READ, self.model))


class Analysis(BaseModel):
    """
    ```
               claim: fence + 1, lease                       finish WHERE fence = mine
     queued ─────────────────────────────▶ running ─────────────────────────────▶ succeeded
       ▲                                    │  │ │
       │   error, attempts + 1 < budget     │  │ │  error, budget of errors spent,
       ├────────────────────────────────────┘  │ │  or an error that will not pass
       │                                       │ └──────────────────────────────▶ failed
       │   lease expired: the next claim       │                                     ▲
       │   counts an interruption (running ──▶ running, fence + 1)                   │
       │                                       └─ budget of interruptions spent ─────┘
       └──────────────────────── retry by a person (failed ──▶ queued, budgets fresh)
    ```
    Every arrow is one conditional UPDATE. The broker only carries the id: a lost message is sent
    again by the sweeper, a doubled one finds nothing to claim.
    """

    consultation = models.ForeignKey(Consultation, on_delete=models.PROTECT, related_name="analyses")
    photos = models.ManyToManyField(Photo, related_name="analyses", editable=False)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        editable=False,
    )
    request_id = models.CharField(max_length=64, blank=True, editable=False)

    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED, editable=False)
    fence = models.PositiveIntegerField(default=0, editable=False, help_text="Grows with every claim.")
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    sent_at = models.DateTimeField(editable=False, help_text="When its id was last given to the broker.")
    attempts = models.PositiveSmallIntegerField(default=0, editable=False, help_text="Errors so far.")
    interruptions = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="How often its worker vanished."
    )
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    duration_ms = models.PositiveIntegerField(null=True, blank=True, editable=False)
    error_code = models.CharField(max_length=60, blank=True, editable=False)
    error_detail = models.TextField(blank=True, editable=False)

    heatmap = models.FileField(max_length=200, blank=True, editable=False)
    # What went in and what came out; with the pinned releases and model enough to do it again.
    inputs = models.JSONField(null=True, blank=True, editable=False)
    evidence = models.JSONField(null=True, blank=True, editable=False)
    result = models.JSONField(null=True, blank=True, editable=False)
    triage = models.JSONField(null=True, blank=True, editable=False)
    triage_level = models.CharField(max_length=20, choices=TriageLevel, blank=True, editable=False)
    guidelines_release = models.ForeignKey(
        "triage.GuidelineRelease",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        editable=False,
    )
    formulary_release = models.ForeignKey(
        "medications.FormularyRelease",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        editable=False,
    )
    model = models.ForeignKey(
        "consultations.ModelVersion",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        editable=False,
    )

    objects = AnalysisQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name_plural = "analyses"
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="analysis_status_known"),
            models.CheckConstraint(
                condition=~Q(status=Status.RUNNING) | Q(lease_until__isnull=False),
                name="analysis_running_has_lease",
            ),
            models.CheckConstraint(
                condition=(
                    Q(status__in=LIVE, finished_at__isnull=True)
                    | Q(status__in=FINISHED, finished_at__isnull=False)
                ),
                name="analysis_finished_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.FAILED) | ~Q(error_code=""), name="analysis_failed_has_code"
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.SUCCEEDED)
                | Q(result__isnull=False, triage__isnull=False, guidelines_release__isnull=False),
                name="analysis_succeeded_has_result",
            ),
        ]
        indexes = [
            # The sweeper: queued rows by the time they were last sent.
            models.Index(fields=("sent_at",), condition=Q(status="queued"), name="analysis_queued"),
            # The sweeper: running rows whose lease has expired.
            models.Index(fields=("lease_until",), condition=Q(status="running"), name="analysis_running"),
            # The latest analysis of a consultation; its succeeded ones for their image evidence.
            models.Index(fields=("consultation", "-created_at"), name="analysis_of_consultation"),
            # The admin's change list.
            models.Index(fields=("-created_at", "-id"), name="analysis_list"),
            # The admin's change list by status.
            models.Index(fields=("status", "-created_at"), name="analysis_status"),
        ]

    def __str__(self) -> str:
        return f"Analysis {self.pk}"

    @property
    def is_finished(self) -> bool:
        """Whether it has succeeded or failed for good."""
        return self.status in FINISHED
