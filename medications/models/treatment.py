"""Treatments: which medicine for which condition, and how it is given to whom."""

from typing import Any

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from simple_history.models import HistoricalRecords

from dermatech.core.models import BaseModel
from medications.engine import model as engine
from medications.models.medication import Medication
from triage.models import KnowledgeItem

TREATMENT_CODE = RegexValidator(
    r"^[a-z0-9]+(?:-[a-z0-9]+)*--[a-z0-9]+(?:-[a-z0-9]+)*$",
    "The condition's id, two hyphens, the medicine's id: scabies--permethrin-5-cream.",
)


class Line(models.TextChoices):
    FIRST = engine.Line.FIRST.value, "first line"
    SECOND = engine.Line.SECOND.value, "second line"
    ADJUNCT = engine.Line.ADJUNCT.value, "adjunct: relieves symptoms"


class Severity(models.TextChoices):
    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


class Treatment(KnowledgeItem):
    """One medicine for one condition. The regimens say how; sentences that are use limits exclude."""

    code = models.CharField(
        max_length=120, unique=True, validators=[TREATMENT_CODE],
        help_text="The condition's id, two hyphens, the medicine's id: scabies--permethrin-5-cream.",
    )  # fmt: skip
    # An id, not a key to the table: treatments and conditions are released separately, and the release
    # checks refuse an id that no condition has.
    condition = models.CharField(max_length=80, help_text="Id of the condition, as tinea-corporis.")
    medication = models.ForeignKey(Medication, on_delete=models.PROTECT, related_name="treatments")
    line = models.CharField(max_length=8, choices=Line.choices)
    conditions_of_use = models.JSONField(
        default=list,
        blank=True,
        help_text='Sentences, as ["Under 10% of skin"]. Those among the use limits exclude.',
    )
    stop_and_refer_if = models.JSONField(default=list, blank=True)
    reviewer_notes = models.TextField(
        blank=True, help_text="For reviewers; patients and phones never see it."
    )

    history = HistoricalRecords()

    class Meta(KnowledgeItem.Meta):
        constraints = [
            *KnowledgeItem.Meta.constraints,
            models.UniqueConstraint(fields=["condition", "medication"], name="treatment_once"),
            models.CheckConstraint(condition=models.Q(line__in=Line.values), name="treatment_line_known"),
        ]


def _amount(label: str, **kwargs: Any) -> Any:
    """A dose field: up to 99,999.999, above zero, empty where the text gives none."""
    return models.DecimalField(
        label, max_digits=8, decimal_places=3, null=True, blank=True,
        validators=[MinValueValidator(0.001)], **kwargs,
    )  # fmt: skip


class Regimen(BaseModel):
    """How a treatment is given to one population. Where a single figure is meant, low equals high."""

    treatment = models.ForeignKey(Treatment, on_delete=models.CASCADE, related_name="regimens")
    position = models.PositiveSmallIntegerField(default=0, help_text="Where two fit, the lower one is taken.")
    age_min_months = models.PositiveSmallIntegerField("age from (months)", null=True, blank=True)
    age_max_months = models.PositiveSmallIntegerField(
        "age to (months)", null=True, blank=True, help_text="Included: 143 = until the 12th birthday."
    )
    weight_min_kg = _amount("weight from (kg)")
    weight_max_kg = _amount("weight below (kg)", help_text="Not included: 25 = below 25 kg.")
    severity = models.CharField(max_length=8, choices=Severity.choices, blank=True, help_text="Empty = any.")
    dose = models.CharField(max_length=120, help_text="In words, as: thin layer; 500 mg.")
    frequency = models.CharField(max_length=120, help_text="As: twice daily; every 4-6 h.")
    duration_days = models.PositiveSmallIntegerField(null=True, blank=True)
    instructions = models.TextField(blank=True)
    mg_per_kg_low = _amount("mg/kg, from")
    mg_per_kg_high = _amount("mg/kg, to", help_text="Per dose; needs both maxima below.")
    dose_mg_low = _amount("mg, from")
    dose_mg_high = _amount("mg, to")
    units_low = _amount("tablets or capsules, from")
    units_high = _amount("tablets or capsules, to")
    dose_ml_low = _amount("mL, from")
    dose_ml_high = _amount("mL, to")
    doses_per_day_low = _amount("doses a day, from")
    doses_per_day_high = _amount("doses a day, to")
    doses_per_week = _amount("doses a week")
    max_doses_per_day = _amount("most doses a day")
    max_single_mg = _amount("most mg at once")
    max_daily_mg = _amount("most mg a day")
    max_daily_mg_per_kg = _amount("most mg/kg a day")
    max_dose = models.CharField("maximum in words", max_length=120, blank=True)
    grams_per_application = _amount("grams each time")
    grams_per_application_max = _amount("grams each time, at most")

    history = HistoricalRecords()

    class Meta:
        ordering = ("position", "age_min_months", "weight_min_kg")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(age_max_months__isnull=True)
                | models.Q(age_min_months__isnull=True)
                | models.Q(age_max_months__gte=models.F("age_min_months")),
                name="regimen_ages_in_order",
            ),
            models.CheckConstraint(
                condition=models.Q(weight_max_kg__isnull=True)
                | models.Q(weight_min_kg__isnull=True)
                | models.Q(weight_max_kg__gt=models.F("weight_min_kg")),
                name="regimen_weights_in_order",
            ),
            models.CheckConstraint(
                condition=models.Q(mg_per_kg_high__isnull=True)
                | models.Q(max_single_mg__isnull=False, max_daily_mg__isnull=False),
                name="regimen_mg_per_kg_has_maxima",
            ),
            models.CheckConstraint(
                condition=models.Q(dose_mg_high__isnull=True)
                | models.Q(max_single_mg__isnull=True)
                | models.Q(dose_mg_high__lte=models.F("max_single_mg")),
                name="regimen_dose_within_maximum",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dose}, {self.frequency}"
