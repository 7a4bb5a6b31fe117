"""Shapes of the health answers."""

from rest_framework import serializers

from dermatech.health.checks import CHECKS, State


class LiveSerializer(serializers.Serializer[dict[str, str]]):
    """The process serves requests."""

    status = serializers.ChoiceField(choices=[State.OK.value])


class CheckSerializer(serializers.Serializer[dict[str, object]]):
    """One part of the service."""

    state = serializers.ChoiceField(choices=[state.value for state in State])
    detail = serializers.CharField(help_text="For a person.")
    ms = serializers.IntegerField(help_text="How long the check took, in milliseconds.")


class ChecksSerializer(serializers.Serializer[dict[str, object]]):
    """Every part by its name."""

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]
        return {name: CheckSerializer() for name in CHECKS}


class ReadySerializer(serializers.Serializer[dict[str, object]]):
    """The whole, and its parts."""

    status = serializers.ChoiceField(choices=[state.value for state in State])
    checks = ChecksSerializer()
