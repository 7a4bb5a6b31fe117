"""Shapes of the knowledge API. They describe what goes out; meaning is checked in `triage.facts`."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dermatech.core.serializers import (
    StrictBooleanField,
    StrictFloatField,
    StrictIntegerField,
    StrictSerializer,
)
from triage.engine.levels import Level
from triage.engine.vocabulary import FACTS, Fact, Kind
from triage.models import Confidence, Frequency

_FREE = {"type": "object", "additionalProperties": True}


def one_of(words: Iterable[str], help_text: str = "", **kwargs: Any) -> serializers.CharField:
    """A string field whose schema allows exactly these words."""
    pattern = f"^({'|'.join(words)})$"

    @extend_schema_field({"type": "string", "pattern": pattern})
    class Word(serializers.CharField):
        pass

    return Word(help_text=help_text, **kwargs)


LEVELS = tuple(map(str, Level))


def _fact_field(fact: Fact) -> serializers.Field[Any, Any, Any, Any]:
    about: dict[str, Any] = {"help_text": fact.question, "required": False, "allow_null": True}
    match fact.kind:
        case Kind.BOOLEAN:
            return StrictBooleanField(**about)
        case Kind.INTEGER:
            return StrictIntegerField(min_value=int(fact.low), max_value=int(fact.high), **about)
        case Kind.NUMBER:
            return StrictFloatField(min_value=fact.low, max_value=fact.high, **about)
        case Kind.CHOICE:
            return one_of(fact.choices, **about)
        case Kind.CHOICES:
            return serializers.ListField(child=one_of(fact.choices), **about)
        case Kind.CONDITION:
            return serializers.CharField(max_length=80, **about)


class _Facts(StrictSerializer):
    """Facts about the patient and the skin. Left out or null means unknown, never false."""


# The vocabulary as a serializer, so that the API document names every fact with its range.
FactsSerializer: type[StrictSerializer] = type(
    "FactsSerializer",
    (_Facts,),
    {"__doc__": _Facts.__doc__, **{fact.name: _fact_field(fact) for fact in FACTS.values()}},
)


class AssessSerializer(StrictSerializer):
    """Facts to assess. `plausible`: conditions that are possible while none is confirmed."""

    facts = FactsSerializer(help_text="Left out or null means unknown, never false.")
    plausible = serializers.ListField(
        child=serializers.CharField(max_length=80),
        required=False,
        help_text="Condition ids; the worst level over all of them wins.",
    )


class FiredRuleSerializer(serializers.Serializer[Any]):
    """A rule that decided the level, with the facts that made it true."""

    id = serializers.CharField()
    title = serializers.CharField()
    because = serializers.ListField(child=serializers.CharField(), help_text="In plain words.")
    advice = serializers.CharField(help_text="What the patient is told, and when to come back.")


class AskSerializer(serializers.Serializer[Any]):
    """A question whose answer could raise the level."""

    fact = serializers.CharField()
    question = serializers.CharField()
    could_raise_to = one_of(LEVELS)


class TriageSerializer(serializers.Serializer[Any]):
    """How urgent it is and why. Without `rules` no rule fired, which means `refer_routine`."""

    level = one_of(LEVELS, help_text="Worst first: " + ", ".join(LEVELS))
    timeframe = serializers.CharField(help_text="By when, the soonest of the rules.")
    provisional = serializers.BooleanField(help_text="An answer to `ask` could raise the level.")
    rules = FiredRuleSerializer(many=True)
    ask = AskSerializer(many=True, help_text="Most dangerous first.")
    notify = serializers.CharField(allow_null=True, help_text="Whom to notify, by whatever rule fired.")
    guidelines_release = serializers.CharField()
    review_state = serializers.CharField(help_text="`starter_unreviewed` until two supervisors approved it.")


class _Item(serializers.Serializer[Any]):
    id = serializers.CharField()
    confidence = one_of(Confidence.values)
    unverified_fields = serializers.ListField(child=serializers.CharField())
    sources = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))


class PlainWordsSerializer(serializers.Serializer[Any]):
    """A rule for people who read no code."""

    when = serializers.CharField()
    unless = serializers.CharField(allow_null=True)


@extend_schema_field(_FREE)
class FreeField(serializers.JSONField):
    """An object whose inside is described in words."""


class GuidelineSerializer(_Item):
    """A rule: it fires when `when` is true and `unless` is not true."""

    title = serializers.CharField()
    level = one_of(LEVELS)
    priority = serializers.IntegerField(help_text="Within a level the lowest leads.")
    timeframe = serializers.CharField()
    when = FreeField(help_text="Structured criteria: all, any, not, or fact with op and value.")
    unless = FreeField(allow_null=True)
    plain_words = PlainWordsSerializer()
    jsonlogic = FreeField(help_text="The whole rule, guarded against null: true exactly when it fires.")
    rationale = serializers.CharField()
    advice = serializers.CharField()
    notify = serializers.CharField(allow_null=True)
    test_cases = FreeField(help_text="Facts on which the rule must and must not fire.")


class ConditionSerializer(_Item):
    """A skin condition."""

    name = serializers.CharField()
    synonyms = serializers.ListField(child=serializers.CharField())
    icd10 = serializers.CharField()
    icd11 = serializers.CharField(allow_null=True)
    icd11_confidence = serializers.CharField()
    category = serializers.CharField()
    contagious = serializers.BooleanField()
    notifiable = serializers.BooleanField(help_text="To the health authorities of Ghana.")
    notifiable_source = serializers.CharField()
    notifiable_confidence = serializers.CharField()
    serious = serializers.BooleanField(help_text="Must not be missed.")
    pharmacy_manageable = serializers.BooleanField()
    default_triage = one_of(LEVELS, help_text="For orientation; the rules decide.")
    default_triage_note = serializers.CharField()
    key_features = serializers.ListField(child=serializers.CharField())
    look_alikes = serializers.ListField(child=serializers.CharField(), help_text="Condition ids.")
    red_flags = serializers.ListField(child=serializers.CharField())
    self_care = serializers.ListField(child=serializers.CharField())


class FindingSerializer(_Item):
    """Something to look for or to ask."""

    name = serializers.CharField()
    group = serializers.CharField()
    question = serializers.CharField()
    help = serializers.CharField()
    background = one_of(Frequency.values, help_text="How often it occurs in anybody.")
    cluster = serializers.CharField()
    excludes = serializers.ListField(child=serializers.CharField())
    implies = serializers.ListField(child=serializers.CharField())
    ask = serializers.BooleanField(help_text="False: read from facts, never asked by itself.")
    ask_age_min = serializers.IntegerField(allow_null=True, help_text="Months.")
    ask_age_max = serializers.IntegerField(allow_null=True, help_text="Months.")
    fact = serializers.CharField(allow_null=True, help_text="The fact that answers it when known.")
    fact_test = FreeField(allow_null=True)


class _Document(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True, help_text="Always null: this is everything.")
    previous = serializers.CharField(allow_null=True, help_text="Always null: this is everything.")
    release = serializers.CharField(help_text="The release this comes from; also the ETag.")
    sha256 = serializers.CharField(help_text="Hash of the whole release.")
    review_state = serializers.CharField(help_text="`starter_unreviewed` until two supervisors approved it.")


class GuidelineDocumentSerializer(_Document):
    """All published rules, worst level first."""

    results = GuidelineSerializer(many=True)


class ConditionDocumentSerializer(_Document):
    """All published conditions."""

    results = ConditionSerializer(many=True)


class FindingDocumentSerializer(_Document):
    """The published vocabulary of findings."""

    results = FindingSerializer(many=True)
