"""Serializers that refuse what they do not know."""

import math
import uuid
from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

# A body may hold thousands of names; the first few tell their sender what is wrong.
_MOST_NAMED = 20


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer for which an unknown field is an error (code `unknown_field`), never dropped."""

    def run_validation(self, data: Any = empty) -> Any:
        if isinstance(data, Mapping):
            known = {name for name, field in self.fields.items() if not field.read_only}
            unknown = [str(name) for name in data if name not in known]
            if unknown:
                text = f"This field is not known here. Known: {', '.join(sorted(known))}."
                detail = serializers.ErrorDetail(text, code="unknown_field")
                raise serializers.ValidationError({name: [detail] for name in unknown[:_MOST_NAMED]})
        return super().run_validation(data)


class StrictBooleanField(serializers.BooleanField):
    """true or false; not "yes", not 1."""

    default_error_messages = {"invalid": "Must be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictCharField(serializers.CharField):
    """A string; numbers and booleans are not turned into one. Control characters are refused."""

    default_error_messages = {"control": "Control characters are not allowed."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text = super().to_internal_value(data)
        if any((ord(c) < 32 and c not in "\n\r\t") or 0xD800 <= ord(c) <= 0xDFFF for c in text):
            self.fail("control")
        return text


class StrictIntegerField(serializers.IntegerField):
    """A JSON whole number, which 84.0 is too; not a string, not a boolean, not 1.5."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, float) and data.is_integer():
            data = int(data)
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictUUIDField(serializers.UUIDField):
    """A UUID as text; a number or a boolean is none, though Python would make one of it."""

    def to_internal_value(self, data: Any) -> uuid.UUID:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        found: uuid.UUID = super().to_internal_value(data)
        return found


class StrictFloatField(serializers.FloatField):
    """A finite JSON number; not a string, not a boolean."""

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, (int, float)):
            self.fail("invalid")
        if not math.isfinite(data):
            self.fail("invalid")
        return super().to_internal_value(data)
