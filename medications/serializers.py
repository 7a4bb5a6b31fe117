"""Shapes of the formulary API: documentation of answers, and the reading of query parameters."""

from typing import Any

from rest_framework import serializers

from medications.engine.model import (
    AWARE_GROUPS,
    FORMS,
    SEVERITIES,
    InteractionSeverity,
    LegalClass,
    LifeStatus,
    Line,
)
from medications.engine.model import Route as EngineRoute
from triage.models import Confidence

LEGAL_CLASSES = [item.value for item in LegalClass]
ROUTES = [item.value for item in EngineRoute]
LIFE = [item.value for item in LifeStatus]
LINES = [item.value for item in Line]


class ReadOnly(serializers.Serializer[Any]):
    """Base of what is only ever given out."""


class FormularyReleaseOut(ReadOnly):
    id = serializers.CharField(help_text="Number and short hash.")
    sha256 = serializers.CharField()
    review_state = serializers.CharField(help_text="starter_unreviewed until two supervisors approved it.")
    activated_at = serializers.DateTimeField()


class SourceOut(ReadOnly):
    id = serializers.CharField()
    document = serializers.CharField()
    edition = serializers.CharField(allow_blank=True)
    access = serializers.CharField(required=False)
    section = serializers.CharField(required=False)


class LifeStageOut(ReadOnly):
    status = serializers.ChoiceField(LIFE)
    note = serializers.CharField(allow_blank=True)


class IndicationOut(ReadOnly):
    condition = serializers.CharField()
    name = serializers.CharField()
    line = serializers.ChoiceField(LINES)


class MedicationOut(ReadOnly):
    """A medicine as lists show it."""

    id = serializers.CharField(help_text="Stable id, as clotrimazole-1-cream.")
    name = serializers.CharField()
    generic_name = serializers.CharField()
    brands = serializers.ListField(child=serializers.CharField())
    atc = serializers.CharField()
    form = serializers.ChoiceField(list(FORMS))
    strength = serializers.CharField()
    route = serializers.ChoiceField(ROUTES)
    legal_class = serializers.ChoiceField(LEGAL_CLASSES)
    pharmacological_class = serializers.CharField()
    ingredients = serializers.ListField(child=serializers.CharField())
    allergy_classes = serializers.ListField(child=serializers.CharField())
    aware_group = serializers.ChoiceField(list(AWARE_GROUPS), allow_null=True)
    age_min_months = serializers.IntegerField()
    pregnancy = LifeStageOut()
    lactation = LifeStageOut()
    indications = IndicationOut(many=True)
    confidence = serializers.ChoiceField(Confidence.values)
    review_state = serializers.CharField()


class InteractionOut(ReadOnly):
    severity = serializers.ChoiceField([item.value for item in InteractionSeverity])
    effect = serializers.CharField()
    with_kind = serializers.ChoiceField(["generic", "class"])

    def get_fields(self) -> dict[str, Any]:
        """`with` is a word of Python, so it cannot be written as an attribute."""
        return {
            "with": serializers.CharField(help_text="A generic name, or a class."),
            **super().get_fields(),
        }


class PopulationOut(ReadOnly):
    age_min_months = serializers.IntegerField(allow_null=True)
    age_max_months = serializers.IntegerField(allow_null=True, help_text="Included.")
    weight_min_kg = serializers.FloatField(allow_null=True)
    weight_max_kg = serializers.FloatField(allow_null=True, help_text="Not included.")
    severity = serializers.ChoiceField(list(SEVERITIES), allow_null=True)


class RegimenOut(ReadOnly):
    population = PopulationOut()
    dose = serializers.CharField()
    frequency = serializers.CharField()
    duration_days = serializers.IntegerField(allow_null=True)
    instructions = serializers.CharField(allow_blank=True)
    max_dose = serializers.CharField(allow_null=True)


class TreatmentOut(ReadOnly):
    id = serializers.CharField()
    condition = serializers.CharField()
    name = serializers.CharField()
    line = serializers.ChoiceField(LINES)
    regimens = RegimenOut(many=True)
    conditions_of_use = serializers.ListField(child=serializers.CharField())
    stop_and_refer_if = serializers.ListField(child=serializers.CharField())
    confidence = serializers.ChoiceField(Confidence.values)
    sources = SourceOut(many=True)


class NhisOut(ReadOnly):
    listed = serializers.BooleanField(allow_null=True)
    code = serializers.CharField(allow_null=True)
    level = serializers.CharField(allow_null=True)


class MedicationDetailOut(MedicationOut):
    """Everything the release says of a medicine."""

    allergy_note = serializers.CharField(allow_null=True)
    contraindications = serializers.ListField(child=serializers.CharField())
    cautions = serializers.ListField(child=serializers.CharField())
    interactions = InteractionOut(many=True)
    body_site_restrictions = serializers.ListField(child=serializers.CharField())
    application_limits = serializers.ListField(child=serializers.CharField())
    max_duration_days = serializers.IntegerField(allow_null=True)
    counselling_points = serializers.ListField(child=serializers.CharField())
    adverse_effects = serializers.ListField(child=serializers.CharField())
    storage = serializers.CharField(allow_blank=True)
    nhis = NhisOut()
    treatments = TreatmentOut(many=True)
    legal_class_confidence = serializers.CharField(help_text="Same words as confidence.")
    unverified_fields = serializers.ListField(child=serializers.CharField())
    sources = SourceOut(many=True)
    who_may_supply = serializers.CharField(
        allow_null=True, help_text="Given where the account asking does not see the treatments."
    )
    release = FormularyReleaseOut()


class MatchOut(ReadOnly):
    field = serializers.ChoiceField(["generic_name", "brand", "name", "atc", "class", "indication"])
    value = serializers.CharField()
    how = serializers.ChoiceField(["exact", "prefix", "word", "similar"])


class HitOut(MedicationOut):
    score = serializers.FloatField(help_text="0 to 100; 100 is the exact name.")
    matched = MatchOut()


class MedicationPageOut(ReadOnly):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = MedicationOut(many=True)


class HitPageOut(ReadOnly):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = HitOut(many=True)
