"""What a supervisor thinks of a case, as it stood when they looked: for teaching, and for measuring."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts import policy
from accounts.models import User
from consultations.models.consultation import Consultation, TriageLevel
from dermatech.core.fields import EncryptedTextField
from dermatech.core.models import BaseModel

# The reviewer's diagnosis where no condition of the guidelines fits.
OTHER_DIAGNOSIS = "other"


class Verdict(models.TextChoices):
    """On one part of a case."""

    AGREE = "agree", "Agree"
    DISAGREE = "disagree", "Disagree"
    UNSURE = "unsure", "Cannot tell"


class ReviewQuerySet(models.QuerySet["Review"]):
    def visible_to(self, user: User | None) -> "ReviewQuerySet":
        """Reviews of the consultations that `user` may see."""
        return self if user is None else self.filter(policy.scope(user, policy.Verb.READ, self.model))


class Review(BaseModel):
    """One supervisor's judgement of one case; saying it again replaces what they said before.

    `seen_*` are the pharmacist's diagnosis and the system's level at that moment, so that agreement is
    counted on what was looked at. The comment is read by the pharmacist.
    """

    consultation = models.ForeignKey(Consultation, on_delete=models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )
    diagnosis = models.CharField(max_length=10, choices=Verdict, help_text="On the pharmacist's diagnosis.")
    right_diagnosis = models.SlugField(max_length=80, blank=True, help_text="Where they disagree.")
    level = models.CharField(max_length=10, choices=Verdict, help_text="On the system's level.")
    right_level = models.CharField(
        max_length=20, choices=TriageLevel, blank=True, help_text="Where they disagree."
    )
    medicine = models.CharField(max_length=10, choices=Verdict, help_text="On what was done for the patient.")
    comment = EncryptedTextField(blank=True, default="", help_text="The pharmacist reads it in the app.")
    seen_version = models.PositiveIntegerField(editable=False)
    seen_diagnosis = models.SlugField(max_length=80, blank=True, editable=False)
    seen_level = models.CharField(max_length=20, choices=TriageLevel, editable=False)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = [
            # Also the index of a consultation's reviews, and of "what did I not review yet".
            models.UniqueConstraint(fields=("consultation", "reviewer"), name="review_once_each"),
            models.CheckConstraint(
                condition=Q(
                    diagnosis__in=Verdict.values, level__in=Verdict.values, medicine__in=Verdict.values
                ),
                name="review_verdicts_known",
            ),
            models.CheckConstraint(
                condition=~Q(diagnosis=Verdict.DISAGREE)
                | (~Q(right_diagnosis="") & ~Q(right_diagnosis=F("seen_diagnosis"))),
                name="review_says_which_diagnosis",
            ),
            models.CheckConstraint(
                condition=~Q(level=Verdict.DISAGREE) | (~Q(right_level="") & ~Q(right_level=F("seen_level"))),
                name="review_says_which_level",
            ),
        ]
        indexes = [
            # The board of disagreements, and the admin's list.
            models.Index(fields=("-created_at", "-id"), name="review_list"),
        ]

    def __str__(self) -> str:
        return f"Review of {self.consultation_id}"

    @property
    def own_diagnosis(self) -> str | None:
        """What the reviewer holds it for; None where they cannot tell."""
        return _own(self.diagnosis, self.seen_diagnosis, self.right_diagnosis)

    @property
    def own_level(self) -> str | None:
        """The level the reviewer would have given; None where they cannot tell."""
        return _own(self.level, self.seen_level, self.right_level)


def _own(verdict: str, seen: str, right: str) -> str | None:
    if verdict == Verdict.UNSURE:
        return None
    return right if verdict == Verdict.DISAGREE else seen
