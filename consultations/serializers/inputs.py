"""What the phone sends. Strict: unknown fields and words are refused, nothing is guessed."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from consultations.models import GivenBy, Presentation, Sex
from consultations.services.decisions import Action, Result
from dermatech.core.serializers import (
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    StrictSerializer,
    StrictUUIDField,
)
from triage.serializers import FactsSerializer

OLDEST_MONTHS = 1440
HEAVIEST_KG, LIGHTEST_KG = 500, 0.3
ACTIONS, RESULTS = [each.value for each in Action], [each.value for each in Result]
_WORDS = {"type": "array", "items": {"type": "string"}}


def text(length: int, **options: Any) -> StrictCharField:
    """A text that is kept to the letter."""
    return StrictCharField(max_length=length, trim_whitespace=False, required=False, **options)


def words(length: int = 100, most: int = 50) -> serializers.ListField:
    """A list of short texts."""
    return serializers.ListField(
        child=StrictCharField(max_length=length), max_length=most, required=False, allow_null=True
    )


@extend_schema_field({"type": "number", "minimum": LIGHTEST_KG, "maximum": HEAVIEST_KG})
class WeightField(serializers.Field[Decimal, Any, Any, Any]):
    """Kilograms as a JSON number, kept to ten grams."""

    default_error_messages = {
        "invalid": "Must be a number of kilograms.",
        "out_of_range": f"Must lie between {LIGHTEST_KG} and {HEAVIEST_KG} kg.",
    }

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool) or not isinstance(data, (int, float)):
            self.fail("invalid")
        if not LIGHTEST_KG <= data <= HEAVIEST_KG:  # false for NaN too
            self.fail("out_of_range")
        return Decimal(str(data)).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)


@extend_schema_field(
    {
        "oneOf": [
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {key: {**_WORDS, "type": ["array", "null"]} for key in ("present", "absent")},
            },
            {**_WORDS, "description": "A bare list is taken as present."},
        ]
    }
)
class FindingsField(serializers.Field[dict[str, Any], Any, Any, Any]):
    """`{"present": [...], "absent": [...]}`, or a bare list taken as present. Ids are checked against
    the published vocabulary by the service."""

    default_error_messages = {
        "invalid": "Must be a list of finding ids, or an object with present and absent."
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, list):
            return {"present": data}
        if not isinstance(data, Mapping):
            self.fail("invalid")
        unknown = [name for name in data if name not in ("present", "absent")]
        if unknown:
            raise serializers.ValidationError(
                {
                    str(name): [serializers.ErrorDetail("Known here: present, absent.", code="unknown_field")]
                    for name in unknown
                }
            )
        return dict(data)


@extend_schema_field(FactsSerializer)
class FactsField(serializers.Field[dict[str, Any], Any, Any, Any]):
    """An object; names, types and ranges are the triage vocabulary's and are checked by it."""

    default_error_messages = {"invalid": "Must be an object of facts."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            self.fail("invalid")
        return dict(data)


class PatientInput(StrictSerializer):
    """The person. Null or left out is unknown."""

    age_months = StrictIntegerField(min_value=0, max_value=OLDEST_MONTHS, required=False, allow_null=True)
    sex = serializers.ChoiceField(choices=Sex.choices, required=False, allow_null=True)
    weight_kg = WeightField(required=False, allow_null=True)
    pregnant = StrictBooleanField(required=False, allow_null=True)
    breastfeeding = StrictBooleanField(required=False, allow_null=True)
    allergies = words()
    current_medicines = words()
    conditions = words()
    initials = text(10, allow_blank=True)


class ConsentInput(StrictSerializer):
    """What the patient, or who answers for them, agreed to."""

    photo = StrictBooleanField(required=False)
    data_use = StrictBooleanField(required=False)
    given_by = serializers.ChoiceField(choices=GivenBy.choices, required=False, allow_null=True)
    language = serializers.RegexField(
        r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35, required=False, allow_null=True
    )


class DecisionInput(StrictSerializer):
    """What was decided. A reason is needed to go against the advice."""

    action = serializers.ChoiceField(choices=ACTIONS)
    medications = serializers.ListField(child=StrictCharField(max_length=100), max_length=20, required=False)
    override_reason = text(2000, allow_blank=True)


class OutcomeInput(StrictSerializer):
    """How it ended, which closes the consultation. A bare word is taken as the result."""

    result = serializers.ChoiceField(choices=RESULTS)
    note = text(2000, allow_blank=True)

    def run_validation(self, data: Any = empty) -> Any:
        return super().run_validation({"result": data} if isinstance(data, str) else data)


class ConsultationInput(StrictSerializer):
    """POST and PUT /consultations."""

    client_reference = text(100, allow_blank=True, allow_null=True)
    patient = PatientInput()
    consent = ConsentInput(required=False)
    presentation = serializers.ChoiceField(choices=Presentation.choices, required=False)
    facts = FactsField(required=False)
    findings = FindingsField(required=False)
    working_diagnosis = StrictCharField(max_length=80, required=False, allow_null=True, allow_blank=True)
    notes = text(5000, allow_blank=True)
    decision = DecisionInput(required=False, allow_null=True)
    outcome = OutcomeInput(required=False, allow_null=True)


class ConsultationPatch(ConsultationInput):
    """PATCH /consultations/{id}: whatever is to change."""

    patient = PatientInput(required=False)


class StoredImageInput(StrictSerializer):
    """POST /analysis/skin as JSON: an image that is there already."""

    consultation = StrictUUIDField()
    image = StrictUUIDField()
