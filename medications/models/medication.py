"""Medicines of the formulary and their interactions."""

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from simple_history.models import HistoricalRecords

from dermatech.core.models import BaseModel
from medications.engine import model as engine
from medications.rules import atc
from triage.models import Confidence, KnowledgeItem

ATC = RegexValidator(atc.PATTERN.pattern, atc.SHAPE)


class Form(models.TextChoices):
    """Dosage form."""

    CAPSULE = "capsule"
    CREAM = "cream"
    GEL = "gel"
    LOTION = "lotion"
    OINTMENT = "ointment"
    ORAL_SOLUTION = "oral solution"
    ORAL_SUSPENSION = "oral suspension"
    PAINT = "paint"
    SHAMPOO = "shampoo"
    SOLUTION = "solution"
    TABLET = "tablet"


class Route(models.TextChoices):
    TOPICAL = engine.Route.TOPICAL.value, "on the skin"
    ORAL = engine.Route.ORAL.value, "by mouth"


class LegalClass(models.TextChoices):
    """Who may supply it at all."""

    OTC = engine.LegalClass.OTC.value, "C: over the counter"
    PHARMACY_ONLY = engine.LegalClass.PHARMACY_ONLY.value, "B: pharmacy only"
    PRESCRIPTION_ONLY = engine.LegalClass.PRESCRIPTION_ONLY.value, "A: prescription only"


class LifeStatus(models.TextChoices):
    """Use in pregnancy or breastfeeding: avoid excludes, caution warns."""

    ALLOWED = engine.LifeStatus.ALLOWED.value, "allowed"
    CAUTION = engine.LifeStatus.CAUTION.value, "caution"
    AVOID = engine.LifeStatus.AVOID.value, "avoid"


class AwareGroup(models.TextChoices):
    """WHO's groups of systemic antibiotics."""

    ACCESS = "Access"
    WATCH = "Watch"
    RESERVE = "Reserve"


class Medication(KnowledgeItem):
    """One product: substance, form and strength. Lists hold one text per entry."""

    generic_name = models.CharField(
        max_length=120, help_text="As: clotrimazole, or clotrimazole + hydrocortisone."
    )
    brand_examples = models.JSONField(
        "brands", default=list, blank=True, help_text='As ["Canesten", "Candid"].'
    )
    atc = models.CharField(
        "ATC code", max_length=7, validators=[ATC], help_text="As: D01AC01; D02AC for a group."
    )
    form = models.CharField(max_length=20, choices=Form.choices)
    strength = models.CharField(
        max_length=80, help_text="As printed: 1%, 250 mg, 125 mg/5 mL. Doses in mg are computed from it."
    )
    strength_mg = models.DecimalField(
        "mg per unit", max_digits=10, decimal_places=3, null=True, blank=True,
        validators=[MinValueValidator(0)],
        help_text="Only where the printed strength does not say it, as 125 of 125 mg in 5 mL.",
    )  # fmt: skip
    strength_per = models.DecimalField(
        "in how many units", max_digits=8, decimal_places=3, null=True, blank=True,
        validators=[MinValueValidator(0)], help_text="As 5 of 125 mg in 5 mL; 1 for a tablet.",
    )  # fmt: skip
    route = models.CharField(max_length=10, choices=Route.choices)
    legal_class = models.CharField(max_length=20, choices=LegalClass.choices)
    legal_class_confidence = models.CharField(
        max_length=12, choices=Confidence.choices, default=Confidence.UNVERIFIED
    )
    pharmacological_class = models.CharField(max_length=120)
    ingredients = models.JSONField(help_text='Generic names in lower case, as ["clotrimazole"].')
    allergy_classes = models.JSONField(
        default=list, blank=True, help_text='Codes of allergy classes, as ["imidazoles"].'
    )
    allergy_note = models.TextField(blank=True)
    aware_group = models.CharField(
        "AWaRe group",
        max_length=8,
        choices=AwareGroup.choices,
        blank=True,
        help_text="Systemic antibiotics only.",
    )
    age_min_months = models.PositiveSmallIntegerField("youngest age (months)", help_text="0 = from birth.")
    pregnancy = models.CharField(max_length=8, choices=LifeStatus.choices)
    pregnancy_note = models.TextField(blank=True)
    lactation = models.CharField("breastfeeding", max_length=8, choices=LifeStatus.choices)
    lactation_note = models.TextField("breastfeeding note", blank=True)
    contraindications = models.JSONField(
        default=list,
        blank=True,
        help_text='As ["Peptic ulcer"]. Health concepts named here exclude the medicine.',
    )
    cautions = models.JSONField(default=list, blank=True, help_text="Health concepts named here warn.")
    body_site_restrictions = models.JSONField(
        default=list, blank=True, help_text='Body sites of the facts, as ["eyelids", "mouth"].'
    )
    application_limits = models.JSONField(default=list, blank=True, help_text='As ["Not on broken skin"].')
    max_duration_days = models.PositiveSmallIntegerField("longest course (days)", null=True, blank=True)
    max_weekly_grams = models.DecimalField(
        max_digits=6, decimal_places=1, null=True, blank=True, validators=[MinValueValidator(1)],
        help_text="Most grams a week on the skin, as 50 of a very potent steroid.",
    )  # fmt: skip
    scored = models.BooleanField(
        "tablet is scored", null=True, blank=True, help_text="Unknown = half tablets warn."
    )
    pack_size = models.DecimalField(
        max_digits=8, decimal_places=1, null=True, blank=True, validators=[MinValueValidator(1)],
        help_text="Of one tube or bottle, as 20 (g) or 100 (mL).",
    )  # fmt: skip
    pack_unit = models.CharField(max_length=4, choices=[("g", "g"), ("mL", "mL")], blank=True)
    counselling_points = models.JSONField(
        default=list, blank=True, help_text="What to tell, one sentence each."
    )
    adverse_effects = models.JSONField(default=list, blank=True)
    storage = models.CharField(max_length=200, blank=True)
    eml_ghana = models.BooleanField("on Ghana's essential medicines list", null=True, blank=True)
    nhis_listed = models.BooleanField("on the NHIS list", null=True, blank=True)
    nhis_code = models.CharField("NHIS code", max_length=20, blank=True)
    nhis_level = models.CharField("NHIS level", max_length=4, blank=True)
    nhis_note = models.TextField("NHIS note", blank=True)

    history = HistoricalRecords()

    class Meta(KnowledgeItem.Meta):
        constraints = [
            *KnowledgeItem.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(legal_class__in=LegalClass.values), name="%(class)s_legal_class_known"
            ),
            models.CheckConstraint(condition=models.Q(route__in=Route.values), name="%(class)s_route_known"),
            models.CheckConstraint(
                condition=models.Q(pregnancy__in=LifeStatus.values, lactation__in=LifeStatus.values),
                name="%(class)s_life_status_known",
            ),
            models.CheckConstraint(
                condition=models.Q(strength_mg__isnull=True, strength_per__isnull=True)
                | models.Q(strength_mg__gt=0, strength_per__gt=0),
                name="%(class)s_strength_whole",
            ),
            models.CheckConstraint(
                condition=models.Q(pack_size__isnull=True, pack_unit="")
                | models.Q(pack_size__gt=0, pack_unit__in=["g", "mL"]),
                name="%(class)s_pack_whole",
            ),
        ]
        indexes = [
            # The admin's list filtered by class and form.
            models.Index(fields=["legal_class", "form"], name="medication_class_form"),
        ]

    def __str__(self) -> str:
        return f"{self.generic_name} {self.strength} {self.form}"


class Interaction(BaseModel):
    """A medicine with another medicine or a class of them. Major excludes, the rest warns."""

    class Kind(models.TextChoices):
        GENERIC = "generic", "a medicine"
        CLASS = "class", "an interaction class"

    class Severity(models.TextChoices):
        MAJOR = engine.InteractionSeverity.MAJOR.value, "major: excludes"
        MODERATE = engine.InteractionSeverity.MODERATE.value, "moderate: warns"
        MINOR = engine.InteractionSeverity.MINOR.value, "minor: warns"

    medication = models.ForeignKey(Medication, on_delete=models.CASCADE, related_name="interactions")
    position = models.PositiveSmallIntegerField(default=0, editable=False)
    other = models.CharField(
        "with",
        max_length=80,
        help_text="A generic name in lower case (warfarin), or the code of a class (ssris).",
    )
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.GENERIC)
    severity = models.CharField(max_length=8, choices=Severity.choices)
    effect = models.CharField(max_length=200, help_text="What happens and what to do, as: bleeding; avoid.")

    history = HistoricalRecords()

    class Meta:
        ordering = ("position", "other")
        constraints = [
            models.UniqueConstraint(fields=["medication", "kind", "other"], name="interaction_once"),
            models.CheckConstraint(
                condition=models.Q(severity__in=["major", "moderate", "minor"]),
                name="interaction_severity_known",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["generic", "class"]), name="interaction_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.severity} with {self.other}"
