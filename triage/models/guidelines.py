"""Triage rules and the releases of all knowledge."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from dermatech.core.releases import Release, Remark
from triage.engine.levels import Level
from triage.models.content import KnowledgeItem


class TriageLevel(models.TextChoices):
    """Urgency, worst first; the engine's `Level` in words."""

    EMERGENCY = Level.EMERGENCY.value, "emergency"
    REFER_URGENT = Level.REFER_URGENT.value, "refer urgently"
    REFER_ROUTINE = Level.REFER_ROUTINE.value, "refer"
    PHARMACY_TREATMENT = Level.PHARMACY_TREATMENT.value, "treat in the pharmacy"
    SELF_CARE = Level.SELF_CARE.value, "self-care"


class Guideline(KnowledgeItem):
    """One triage rule: it fires when `when` is true and `unless` is not true."""

    title = models.CharField(max_length=200, help_text="As: Suspected mpox.")
    level = models.CharField(max_length=20, choices=TriageLevel.choices)
    priority = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(999)],
        help_text="Within a level the lowest number leads. Use 1-19 for emergencies, 20-49 for urgent rules.",
    )
    timeframe = models.CharField(max_length=80, help_text='By when, as: "now", "same day", "within 2 weeks".')
    when = models.JSONField(
        help_text='As {"all": [{"fact": "fever", "op": "eq", "value": true}, '
        '{"fact": "age_months", "op": "lt", "value": 3}]}. A fact nobody gave makes it unknown, not false.'
    )
    unless = models.JSONField(
        null=True,
        blank=True,
        help_text="Exclusions in the same form; empty for none. Unknown does not exclude.",
    )
    rationale = models.TextField(help_text="Why this rule exists, in one or two sentences.")
    advice = models.TextField(
        "advice to the patient", help_text="What to do, and when to come back or go at once."
    )
    notify = models.CharField(
        max_length=200,
        blank=True,
        help_text="Whom to notify, as: mpox - district disease surveillance officer.",
    )
    match_case = models.JSONField(
        "facts that must fire it", default=dict, blank=True, help_text='As {"fever": true, "age_months": 1}.'
    )
    no_match_case = models.JSONField("facts that must not fire it", default=dict, blank=True)

    class Meta(KnowledgeItem.Meta):
        ordering = ["priority", "code"]
        constraints = [
            *KnowledgeItem.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(level__in=TriageLevel.values), name="%(class)s_level_known"
            ),
            models.CheckConstraint(condition=~models.Q(advice=""), name="%(class)s_has_advice"),
            models.CheckConstraint(
                condition=models.Q(priority__range=(1, 999)), name="%(class)s_priority_in_range"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.title}"


class GuidelineRelease(Release):
    """A snapshot of all conditions, findings, rules and vignettes."""

    class Meta(Release.Meta):
        verbose_name = "guideline release"


class GuidelineReleaseRemark(Remark):
    """A comment, a reason or an approval of a guideline release."""

    release = models.ForeignKey(
        GuidelineRelease, on_delete=models.PROTECT, related_name="remarks", editable=False
    )

    class Meta(Remark.Meta):
        verbose_name = "remark on a guideline release"
        verbose_name_plural = "remarks on guideline releases"
