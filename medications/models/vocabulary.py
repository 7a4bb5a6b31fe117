"""The words that allergies, medicines and health problems are checked with."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from simple_history.models import HistoricalRecords

from triage.models import KnowledgeItem

WORDS = RegexValidator(r"^[a-z0-9][a-z0-9 \-/+]*$", "Lower-case letters, digits, spaces and hyphens.")


class VocabularyItem(KnowledgeItem):
    """Base of the vocabulary; `code` may be words, as `benzoyl peroxide`."""

    code = models.CharField(
        "name",
        max_length=80,
        unique=True,
        validators=[WORDS],
        help_text="In lower case, as: benzoyl peroxide.",
    )

    history = HistoricalRecords(inherit=True)

    class Meta(KnowledgeItem.Meta):
        abstract = True


class InteractionClass(VocabularyItem):
    """Medicines that share an interaction."""

    members = models.JSONField(help_text='Generic names in lower case, as ["fluoxetine", "sertraline"].')

    class Meta(VocabularyItem.Meta):
        verbose_name_plural = "interaction classes"


class AllergyClass(VocabularyItem):
    """Substances to which one allergy applies, with the classes that cross-react."""

    title = models.CharField("plural in words", max_length=80, help_text="As: penicillins.")
    synonyms = models.JSONField(
        default=list, blank=True, help_text='What people say, as ["sulfa", "sulpha"].'
    )
    members = models.JSONField(default=list, blank=True, help_text="Generic names in lower case.")
    cross_reacts = models.JSONField(default=list, blank=True, help_text="Names of classes excluded with it.")

    class Meta(VocabularyItem.Meta):
        verbose_name_plural = "allergy classes"


class MedicineName(VocabularyItem):
    """A generic name with its other spellings and the brands seen in Ghana."""

    synonyms = models.JSONField(default=list, blank=True, help_text='As ["panadol", "acetaminophen"].')


class HealthConcept(VocabularyItem):
    """A health problem in the words of patients and in the words of contraindications."""

    title = models.CharField("in words", max_length=80, help_text="As: kidney disease.")
    patient_terms = models.JSONField(default=list, blank=True, help_text='As ["ckd", "renal failure"].')
    record_terms = models.JSONField(
        default=list, blank=True,
        help_text="Words that name it in contraindications (exclude) and cautions (warn).",
    )  # fmt: skip
    facts = models.JSONField(
        default=list, blank=True, help_text='Facts that imply it when true, as ["diabetes"].'
    )
    conditions = models.JSONField(default=list, blank=True, help_text="Ids of conditions that imply it.")


class UseLimit(VocabularyItem):
    """A sentence of a treatment in a form that software can check. Any part that is violated excludes."""

    phrase = models.CharField(
        max_length=160, unique=True, help_text="Exactly as in conditions of use or stop-and-refer."
    )
    concepts = models.JSONField(
        default=list, blank=True, help_text="Health concepts that must not be present."
    )
    facts = models.JSONField(default=list, blank=True, help_text="Facts that must not be true.")
    not_sites = models.JSONField(default=list, blank=True, help_text="Body sites, with all their parts.")
    only_sites = models.JSONField(
        default=list, blank=True, help_text="The only body sites, with their parts."
    )
    severities = models.JSONField(default=list, blank=True, help_text='Allowed, as ["mild", "moderate"].')
    not_pregnant = models.BooleanField(default=False)
    not_breastfeeding = models.BooleanField(default=False)
    max_area_percent = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    max_duration_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="How long the problem may have lasted."
    )
    min_age_months = models.PositiveSmallIntegerField(null=True, blank=True)
    min_weight_kg = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta(VocabularyItem.Meta):
        constraints = [
            *VocabularyItem.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(max_area_percent__isnull=True)
                | models.Q(max_area_percent__range=(1, 100)),
                name="uselimit_area_is_a_percentage",
            ),
        ]
