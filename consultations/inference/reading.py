"""Strict reading of untrusted JSON: every value has its path, its type and its bounds."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TypeVar

from consultations.inference.errors import PackageRefused

E = TypeVar("E", bound=StrEnum)

# Absent fields that deserve their own answer; the rest say `manifest_field_missing`.
_MISSING_CODES = {
    "card": "card_missing",
    "licence": "licence_missing",
    "training": "training_missing",
    "metrics": "metrics_missing",
    "golden": "golden_missing",
    "scope": "scope_missing",
    "labels": "labels_missing",
    "sha256": "hash_missing",
}


def invalid(path: str, why: str) -> PackageRefused:
    """The refusal of one field."""
    return PackageRefused("manifest_field_invalid", f"manifest.json: “{path}” {why}.")


class Node:
    """One JSON object with the path that leads to it. Fields are taken one by one; `done` refuses
    what nobody took, so that a misspelt field is never silently ignored."""

    def __init__(self, value: object, path: str = "") -> None:
        if not isinstance(value, Mapping):
            raise invalid(path or "(the document)", "must be an object")
        self._value = value
        self._path = path
        self._taken: set[str] = set()

    @property
    def whole_object(self) -> Mapping[str, object]:
        """The object as it stands."""
        return self._value

    def path(self, name: str) -> str:
        """The dotted path of a field of this object."""
        return f"{self._path}.{name}" if self._path else name

    def done(self) -> None:
        """Refuse fields that were never taken."""
        if unknown := sorted(str(name) for name in self._value if name not in self._taken):
            raise PackageRefused(
                "manifest_field_unknown", f"manifest.json: “{self.path(unknown[0])}” is unknown."
            )

    def has(self, name: str) -> bool:
        """Whether the field is there and not null."""
        self._taken.add(name)
        return self._value.get(name) is not None

    def get(self, name: str) -> object:
        """The value; a refusal where it is absent."""
        if not self.has(name):
            code = _MISSING_CODES.get(self.path(name), "manifest_field_missing")
            raise PackageRefused(code, f"manifest.json: “{self.path(name)}” is missing.")
        return self._value[name]

    def text(self, name: str, *, least: int = 1, most: int = 200, pattern: str = "") -> str:
        """A string, stripped, of `least` to `most` characters."""
        value = self.get(name)
        if not isinstance(value, str) or not least <= len(value.strip()) <= most:
            raise invalid(self.path(name), f"must be a text of {least} to {most} characters")
        if pattern and not re.fullmatch(pattern, value.strip()):
            raise invalid(self.path(name), f"does not have the form {pattern}")
        return value.strip()

    def number(self, name: str, low: float, high: float, *, default: float | None = None) -> float:
        """A finite number between `low` and `high`, both included."""
        if default is not None and not self.has(name):
            return default
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise invalid(self.path(name), "must be a number")
        if not low <= value <= high:  # also refuses infinity and NaN
            raise invalid(self.path(name), f"must lie between {low:g} and {high:g}")
        return float(value)

    def whole(self, name: str, low: int, high: int) -> int:
        """A whole number between `low` and `high`, both included."""
        value = self.number(name, low, high)
        if value != int(value):
            raise invalid(self.path(name), "must be a whole number")
        return int(value)

    def boolean(self, name: str) -> bool:
        value = self.get(name)
        if not isinstance(value, bool):
            raise invalid(self.path(name), "must be true or false")
        return value

    def choice(self, name: str, options: type[E], *, default: E | None = None) -> E:
        """A member of `options`."""
        if default is not None and not self.has(name):
            return default
        value = self.get(name)
        try:
            return options(str(value))
        except ValueError:
            raise invalid(self.path(name), f"must be one of {', '.join(options)}") from None

    def list(self, name: str, *, least: int = 1, most: int = 1_000) -> list[object]:
        """A list of `least` to `most` items."""
        value = self.get(name)
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise invalid(self.path(name), f"must be a list of {least} to {most} items")
        return value

    def numbers(self, name: str, count: int, low: float, high: float) -> tuple[float, ...]:
        """Exactly `count` numbers, each within bounds."""
        values = self.list(name, least=count, most=count)
        holder = Node({str(index): value for index, value in enumerate(values)}, self.path(name))
        return tuple(holder.number(str(index), low, high) for index in range(count))

    def child(self, name: str) -> "Node":
        """The object of that name."""
        return Node(self.get(name), self.path(name))

    def children(self, name: str, *, least: int = 1, most: int = 1_000) -> Iterator["Node"]:
        """The objects of the list of that name."""
        for index, value in enumerate(self.list(name, least=least, most=most)):
            yield Node(value, f"{self.path(name)}.{index}")
