"""Shape of the bundle, for the API's document; its tables are described with the addresses they come from."""

from typing import Any

from rest_framework import serializers

from dermatech.core.releases import ReviewState
from dermatech.sync.bundle import DELTA, FULL
from dermatech.sync.signing import ALGORITHM


class SignatureSerializer(serializers.Serializer[dict[str, Any]]):
    algorithm = serializers.ChoiceField(choices=[ALGORITHM])
    key_id = serializers.CharField(help_text="First 8 bytes of SHA-256 of the public key, hex.")
    value = serializers.CharField(help_text="Base64, over the RFC 8785 spelling without `signature`.")


class BundleSerializer(serializers.Serializer[dict[str, Any]]):
    schema = serializers.IntegerField(help_text="1; another number is a shape your app does not know.")
    kind = serializers.ChoiceField(choices=[FULL, DELTA])
    release = serializers.CharField(help_text="The ETag; give it as `since` next time.")
    guidelines = serializers.DictField(
        help_text="`release` and the tables conditions, findings, profiles, scoring, safety_questions, "
        "guidelines, vignettes. In a delta each table has `changed` and `removed`, or `whole`; one that "
        "is absent is the same, one named in `dropped` is gone."
    )
    formulary = serializers.DictField(
        help_text="`release` and the tables medications, treatments, interaction_classes, vocabulary, "
        "conditions; the same in a delta."
    )
    texts = serializers.DictField(
        help_text="Facts with their questions, levels, fixed sentences of safety (`phrases`, by name) and "
        "their `translations`, each with its review state; a sentence that a language lacks is shown in "
        "English."
    )
    sha256 = serializers.CharField(
        required=False, help_text="Of the whole bundle's RFC 8785 spelling, without `signature`; in a delta."
    )
    signature = SignatureSerializer()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        # `from` is a word of Python.
        held = serializers.CharField(required=False, help_text="The bundle this delta applies to.")
        return {**super().get_fields(), "from": held}


class PhraseSerializer(serializers.Serializer[dict[str, Any]]):
    id = serializers.CharField(help_text="Its name, as level.emergency.")
    text = serializers.CharField()
    language = serializers.CharField(help_text="Of `text`: what was asked for, or en.")
    english = serializers.CharField(help_text="What it says. Show it beside what is not reviewed.")
    review_state = serializers.ChoiceField(choices=ReviewState.choices)


class PhrasesSerializer(serializers.Serializer[dict[str, Any]]):
    language = serializers.CharField(help_text="The language chosen from Accept-Language.")
    name = serializers.CharField()
    fallback = serializers.BooleanField(help_text="Whether some sentences are in English instead.")
    translated = serializers.IntegerField(help_text="Sentences in that language.")
    reviewed = serializers.IntegerField(help_text="Of these, sentences that people answer for.")
    phrases = PhraseSerializer(many=True)
