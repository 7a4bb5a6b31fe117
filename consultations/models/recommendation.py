"""One medicine that was proposed for a patient, or excluded with the reason."""

from django.db import models
from django.db.models import Q

from accounts import policy
from accounts.models import User
from consultations.models.analysis import Analysis
from consultations.models.consultation import URGENT_LEVELS, Consultation, TriageLevel
from dermatech.core.models import BaseModel


class RecommendationQuerySet(models.QuerySet["Recommendation"]):
    def visible_to(self, user: User | None) -> "RecommendationQuerySet":
        """Recommendations of the consultations that `user` may see."""
        return self if user is None else self.filter(policy.scope(user, policy.Verb.READ, self.model))

    def current(self) -> "RecommendationQuerySet":
        """Those that hold for the consultation as it stands, not a past analysis."""
        return self.filter(analysis__isnull=True)


class Recommendation(BaseModel):
    """`payload` is the medicine as the API shows it. Rows without an analysis are the consultation's
    current ones and are replaced with every change; rows of an analysis stay as they were."""

    consultation = models.ForeignKey(Consultation, on_delete=models.PROTECT, related_name="recommendations")
    analysis = models.ForeignKey(
        Analysis, on_delete=models.PROTECT, related_name="recommendations", null=True, blank=True
    )
    medication = models.CharField(max_length=100, help_text="Its id in the pinned formulary.")
    rank = models.PositiveSmallIntegerField(help_text="1 is the first choice.")
    proposed = models.BooleanField()
    code = models.CharField(max_length=30, blank=True, help_text="Why it is excluded.")
    level = models.CharField(max_length=20, choices=TriageLevel, help_text="The level it was made under.")
    payload = models.JSONField(default=dict)

    objects = RecommendationQuerySet.as_manager()

    class Meta:
        ordering = ("-proposed", "rank")
        constraints = [
            models.CheckConstraint(
                condition=Q(proposed=True, code="") | (Q(proposed=False) & ~Q(code="")),
                name="recommendation_proposed_or_coded",
            ),
            models.CheckConstraint(
                condition=Q(proposed=False) | ~Q(level__in=URGENT_LEVELS),
                name="recommendation_none_when_urgent",
            ),
            # Also the index of a consultation's current recommendations.
            models.UniqueConstraint(
                fields=("consultation", "proposed", "rank"),
                condition=Q(analysis__isnull=True),
                name="recommendation_rank_of_consultation",
            ),
            # Also the index of an analysis's recommendations.
            models.UniqueConstraint(
                fields=("analysis", "proposed", "rank"),
                condition=Q(analysis__isnull=False),
                name="recommendation_rank_of_analysis",
            ),
        ]
        indexes = [
            # The admin's change list.
            models.Index(fields=("-created_at", "-id"), name="recommendation_list"),
            # The admin: in which consultations was this medicine proposed.
            models.Index(fields=("medication", "-created_at"), name="recommendation_medication"),
        ]

    def __str__(self) -> str:
        verb = "proposed" if self.proposed else f"excluded ({self.code})"
        return f"{self.medication} {verb}"
