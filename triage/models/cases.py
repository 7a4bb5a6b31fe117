"""Vignettes: short cases with the answer the knowledge must give. No release without them."""

from django.db import models

from triage.models.content import KnowledgeItem
from triage.models.guidelines import TriageLevel


class VignetteKind(models.TextChoices):
    TRIAGE = "triage", "triage (level and rules)"
    DIFFERENTIAL = "differential", "differential (ranking and abstention)"


class Vignette(KnowledgeItem):
    """A case and its expected answer."""

    kind = models.CharField(max_length=12, choices=VignetteKind.choices)
    description = models.TextField(
        help_text="As: Man 35, hives with face and tongue swelling, breathing normal."
    )
    facts = models.JSONField(default=dict, blank=True, help_text='As {"age_months": 420, "fever": true}.')
    findings_present = models.JSONField(default=list, blank=True, help_text="Finding ids, one per line.")
    findings_absent = models.JSONField(default=list, blank=True, help_text="Finding ids, one per line.")
    expected_level = models.CharField(
        max_length=20, choices=TriageLevel.choices, blank=True, help_text="Triage cases only."
    )
    expected_rules = models.JSONField(
        default=list,
        blank=True,
        help_text="Rules that must be among those at the winning level, one per line.",
    )
    expected_first = models.CharField(
        max_length=80, blank=True, help_text="Differential: the condition that must rank first, if any."
    )
    acceptable = models.JSONField(
        default=list, blank=True, help_text="Differential: at least one must be in the first three."
    )
    must_not_miss = models.JSONField(
        default=list, blank=True, help_text="Differential: must be listed as possible or likely."
    )
    expected_abstain = models.BooleanField(null=True, blank=True, help_text="Differential: must it abstain?")
    known_shortfall = models.TextField(
        blank=True, help_text="Why this case may disagree without holding up a release; empty: it must agree."
    )
    basis = models.TextField(blank=True, help_text="Why this answer is right.")
    written = models.CharField(max_length=120, blank=True, help_text="When it was written, and by whom.")

    class Meta(KnowledgeItem.Meta):
        constraints = [
            *KnowledgeItem.Meta.constraints,
            models.CheckConstraint(
                condition=models.Q(kind__in=VignetteKind.values), name="%(class)s_kind_known"
            ),
            models.CheckConstraint(
                condition=~models.Q(kind=VignetteKind.TRIAGE)
                | models.Q(expected_level__in=TriageLevel.values),
                name="%(class)s_triage_has_level",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.description[:80]}"
