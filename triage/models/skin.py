"""Conditions, findings, and how often each finding occurs in each condition."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from triage.models.content import Confidence, KnowledgeItem
from triage.models.guidelines import TriageLevel


class Category(models.TextChoices):
    """What kind of disease it is."""

    FUNGAL = "fungal", "fungal"
    BACTERIAL = "bacterial", "bacterial"
    VIRAL = "viral", "viral"
    PARASITIC = "parasitic", "parasitic"
    INFLAMMATORY = "inflammatory", "inflammatory"
    PIGMENTARY = "pigmentary", "pigmentary"
    NTD = "ntd", "neglected tropical disease"
    NEOPLASTIC = "neoplastic", "tumour"
    DRUG_REACTION = "drug_reaction", "drug reaction"
    NORMAL = "normal", "normal skin"
    OTHER = "other", "other"


class Frequency(models.TextChoices):
    """How often a finding occurs; the probabilities stand in the scoring."""

    ALWAYS = "always", "always"
    OFTEN = "often", "often"
    SOMETIMES = "sometimes", "sometimes"
    RARELY = "rarely", "rarely"
    NEVER = "never", "never"


class Condition(KnowledgeItem):
    """A skin condition that rules, findings and treatments refer to."""

    name = models.CharField(max_length=120, unique=True)
    synonyms = models.JSONField(default=list, blank=True, help_text="Other names, one per line.")
    icd10 = models.CharField("ICD-10", max_length=10, help_text="As: B35.4.")
    icd11 = models.CharField("ICD-11", max_length=20, blank=True)
    icd11_confidence = models.CharField(
        "ICD-11 confidence", max_length=12, choices=Confidence.choices, default=Confidence.UNVERIFIED
    )
    category = models.CharField(max_length=20, choices=Category.choices)
    contagious = models.BooleanField()
    notifiable = models.BooleanField("notifiable in Ghana", default=False)
    notifiable_source = models.TextField(blank=True)
    notifiable_confidence = models.CharField(
        max_length=12, choices=Confidence.choices, default=Confidence.UNVERIFIED
    )
    serious = models.BooleanField(
        default=False, help_text="Must not be missed: stays listed as possible at a lower probability."
    )
    pharmacy_manageable = models.BooleanField()
    default_triage = models.CharField(
        max_length=20, choices=TriageLevel.choices, help_text="For orientation only; the rules decide."
    )
    default_triage_note = models.TextField(blank=True)
    key_features = models.JSONField(
        default=list, help_text="One per line; say also how it looks on brown and dark skin."
    )
    look_alikes = models.JSONField(default=list, blank=True, help_text="Condition ids, one per line.")
    red_flags = models.JSONField(default=list, blank=True, help_text="One per line.")
    self_care = models.JSONField(default=list, blank=True, help_text="One per line.")

    class Meta(KnowledgeItem.Meta):
        ordering = ["name"]
        constraints = [
            *KnowledgeItem.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(default_triage__in=TriageLevel.values), name="%(class)s_triage_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Finding(KnowledgeItem):
    """Something to look for or to ask, in words a pharmacist and a patient understand."""

    name = models.CharField(max_length=120, help_text="Short, as: Scaly edge.")
    group = models.CharField(max_length=20, help_text="As: morphology, colour, symptom.")
    question = models.TextField()
    help = models.TextField(blank=True, help_text="How to look or ask; say how it looks on dark skin.")
    background = models.CharField(
        max_length=10,
        choices=Frequency.choices,
        help_text="How often it occurs where a condition does not say.",
    )
    cluster = models.CharField(max_length=80, help_text="Findings of one cluster share their evidence.")
    excludes = models.JSONField(default=list, blank=True, help_text="Findings that cannot be true as well.")
    implies = models.JSONField(default=list, blank=True, help_text="Findings that are then true as well.")
    asked = models.BooleanField("may be asked", default=True)
    ask_age_min = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Ask only from this age on (months)."
    )
    ask_age_max = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Ask only up to this age (months)."
    )
    fact = models.CharField(max_length=40, blank=True, help_text="The triage fact that answers it, if known.")
    fact_test = models.JSONField(
        null=True,
        blank=True,
        help_text="How a fact that is not yes/no answers it, as "
        '{"fact": "itch_score", "op": "gte", "value": 3}.',
    )

    class Meta(KnowledgeItem.Meta):
        ordering = ["group", "code"]
        constraints = [
            *KnowledgeItem.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(background__in=Frequency.values), name="%(class)s_background_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ConditionProfile(KnowledgeItem):
    """A row of the matrix. Its code is the condition's. A condition without one is never ranked."""

    condition = models.OneToOneField(Condition, on_delete=models.CASCADE, related_name="profile")
    prior_infant = models.FloatField("0-23 months", validators=[MinValueValidator(0)])
    prior_child = models.FloatField("2-11 years", validators=[MinValueValidator(0)])
    prior_adolescent = models.FloatField("12-17 years", validators=[MinValueValidator(0)])
    prior_adult = models.FloatField("18-59 years", validators=[MinValueValidator(0)])
    prior_older = models.FloatField("60 years and more", validators=[MinValueValidator(0)])
    priors_confidence = models.CharField(
        max_length=12, choices=Confidence.choices, default=Confidence.UNVERIFIED
    )
    findings = models.JSONField(
        default=dict,
        help_text='How often each finding occurs, as {"itchy": "often", "fever": "never"}; '
        "what is left out occurs as often as in anybody.",
    )
    evidence = models.JSONField(
        default=list,
        blank=True,
        help_text='As [{"finding": "ring_shaped", "figure": "84 %", "source": "..."}].',
    )
    note = models.TextField(blank=True)

    class Meta(KnowledgeItem.Meta):
        verbose_name = "condition profile"
        constraints = [
            *KnowledgeItem.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(prior_infant__gte=0)
                & models.Q(prior_child__gte=0)
                & models.Q(prior_adolescent__gte=0)
                & models.Q(prior_adult__gte=0)
                & models.Q(prior_older__gte=0),
                name="%(class)s_priors_not_negative",
            ),
        ]

    @property
    def priors(self) -> dict[str, float]:
        """Relative frequency per 10,000 skin presentations, by age band."""
        return priors_of(self)


class SafetyQuestion(KnowledgeItem):
    """When these findings hold, ask those first: rare but serious causes come before cleverness."""

    position = models.PositiveSmallIntegerField(default=100, help_text="Lower comes first.")
    if_present = models.JSONField(
        default=list, help_text="Finding ids that must all be present, one per line."
    )
    if_absent = models.JSONField(default=list, blank=True, help_text="Finding ids that must all be absent.")
    ask = models.JSONField(default=list, help_text="Finding ids to ask, in this order.")

    class Meta(KnowledgeItem.Meta):
        ordering = ["position", "code"]


_SHARE = (MinValueValidator(0.0), MaxValueValidator(1.0))


class DifferentialScoring(KnowledgeItem):
    """The numbers of the differential. One row, code `default`."""

    always = models.FloatField(default=0.97, validators=_SHARE)
    often = models.FloatField(default=0.75, validators=_SHARE)
    sometimes = models.FloatField(default=0.35, validators=_SHARE)
    rarely = models.FloatField(default=0.10, validators=_SHARE)
    never = models.FloatField(default=0.01, validators=_SHARE)
    rho = models.FloatField(
        default=0.5, validators=_SHARE, help_text="0: findings of a cluster count fully; 1: as one."
    )
    site_rho = models.FloatField("rho of body sites", default=0.25, validators=_SHARE)
    answer_reliability = models.FloatField(
        default=0.95, validators=_SHARE, help_text="How far answers are trusted; 1 is blind trust."
    )
    reliability_floor = models.FloatField(default=0.10, validators=_SHARE)
    temper = models.FloatField(
        "weight of every answer",
        default=1.0,
        db_default=1.0,
        validators=[MinValueValidator(0.1), MaxValueValidator(1.0)],
        help_text="0.1 to 1. At 1 an answer counts fully: one that makes a condition four times as likely "
        "does just that. At 0.5 it counts half: twice as likely (the square root of four). Lower it where "
        "patients answer alone, or answers lean on each other: the order then stays closer to how common "
        "the conditions are, and “likely” is said less often.",
    )
    likely = models.FloatField(default=0.5, validators=_SHARE, help_text="From this probability on: likely.")
    possible = models.FloatField(default=0.05, validators=_SHARE)
    possible_if_serious = models.FloatField(default=0.02, validators=_SHARE)
    abstain_below = models.FloatField(default=0.40, validators=_SHARE)
    abstain_min_answers = models.PositiveSmallIntegerField(default=3)
    prior_infant = models.FloatField("none of these, 0-23 months", validators=[MinValueValidator(1)])
    prior_child = models.FloatField("none of these, 2-11 years", validators=[MinValueValidator(1)])
    prior_adolescent = models.FloatField("none of these, 12-17 years", validators=[MinValueValidator(1)])
    prior_adult = models.FloatField("none of these, 18-59 years", validators=[MinValueValidator(1)])
    prior_older = models.FloatField("none of these, 60 years and more", validators=[MinValueValidator(1)])

    class Meta(KnowledgeItem.Meta):
        verbose_name = "scoring of the differential"
        verbose_name_plural = "scoring of the differential"
        constraints = [
            *KnowledgeItem.Meta.constraints,
            models.CheckConstraint(condition=models.Q(code="default"), name="%(class)s_single_row"),
            models.CheckConstraint(
                condition=models.Q(never__gt=0)
                & models.Q(rarely__gt=models.F("never"))
                & models.Q(sometimes__gt=models.F("rarely"))
                & models.Q(often__gt=models.F("sometimes"))
                & models.Q(always__gt=models.F("often"))
                & models.Q(always__lt=1),
                name="%(class)s_words_in_order",
            ),
        ]

    @property
    def priors(self) -> dict[str, float]:
        """Relative frequency of "none of these" by age band."""
        return priors_of(self)


def priors_of(row: Any) -> dict[str, float]:
    """The five `prior_<band>` columns of a row."""
    bands = ("infant", "child", "adolescent", "adult", "older")
    return {band: float(getattr(row, f"prior_{band}")) for band in bands}
