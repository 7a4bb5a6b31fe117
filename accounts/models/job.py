"""Long work that somebody asked for in the admin, done by a worker."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from accounts import policy
from accounts.models.user import User
from dermatech.core.models import BaseModel


class BackgroundJobQuerySet(models.QuerySet["BackgroundJob"]):
    def visible_to(self, user: User | None) -> Self:
        """One's own; everybody's for who runs the service."""
        return self.filter(policy.scope(user, policy.Verb.READ, self.model))


class BackgroundJob(BaseModel):
    """One piece of long work: an import, a replay, a proposal.

    State: queued -> running -> succeeded | failed; called off from queued, and from running as long as
    nothing is being written (`final`). A running one is leased (`dermatech.core.leases`); one whose worker
    died is taken up again. What it writes and that it succeeded are one transaction.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Under way"
        SUCCEEDED = "succeeded", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Called off"

    kind = models.CharField(max_length=60, editable=False)
    about = models.CharField(max_length=200, editable=False, help_text="What it does, in words.")
    asked_by = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="+", editable=False, verbose_name="asked for by"
    )
    given = models.JSONField(default=dict, editable=False)
    back = models.CharField(max_length=300, editable=False, help_text="The page it was asked for on.")

    state = models.CharField(max_length=10, choices=State, default=State.QUEUED, editable=False)
    step = models.CharField(max_length=100, blank=True, default="", editable=False)
    done = models.PositiveIntegerField(default=0, editable=False)
    total = models.PositiveIntegerField(default=0, editable=False)
    final = models.BooleanField(default=False, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    said = models.CharField(max_length=300, blank=True, default="", editable=False)
    link = models.CharField(max_length=300, blank=True, default="", editable=False)
    result = models.JSONField(null=True, blank=True, editable=False)
    error = models.CharField(max_length=300, blank=True, default="", editable=False)

    objects = BackgroundJobQuerySet.as_manager()

    class Meta:
        verbose_name = "background job"
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            # The worker's look for what is to be done.
            models.Index(
                fields=["created_at"], name="background_job_waiting",
                condition=Q(state__in=["queued", "running"]),
            ),
            # The admin's list of one's own.
            models.Index(fields=["asked_by", "-id"], name="background_job_of_person"),
        ]  # fmt: skip
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(state="running") | Q(lease_until__isnull=False),
                name="background_job_running_has_lease",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["queued", "running"], finished_at__isnull=True)
                | Q(state__in=["succeeded", "failed", "cancelled"], finished_at__isnull=False),
                name="background_job_finished_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="failed") | ~Q(error=""), name="background_job_failed_says_why"
            ),
        ]

    def __str__(self) -> str:
        return self.about

    @property
    def is_live(self) -> bool:
        """Whether it is not over yet."""
        return self.state in (self.State.QUEUED, self.State.RUNNING)

    @property
    def can_be_called_off(self) -> bool:
        return self.is_live and not self.final
