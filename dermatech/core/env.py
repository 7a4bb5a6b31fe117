"""Strict readers of environment variables: a misspelt value is refused, never guessed."""

import os
from collections.abc import Sequence

from django.core.exceptions import ImproperlyConfigured

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def boolean(name: str, *, default: bool) -> bool:
    """`name` as a boolean; raises ImproperlyConfigured on anything but a clear yes or no."""
    raw = os.environ.get(name)
    if raw is None or raw == "":
        return default
    word = raw.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ImproperlyConfigured(f"{name}={raw!r} is not a boolean; say true or false.")


def integer(name: str, *, default: int, low: int, high: int) -> int:
    """`name` as an integer between `low` and `high`, both included."""
    raw = os.environ.get(name)
    if raw is None or raw == "":
        return default
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={raw!r} is not a whole number.") from None
    if not low <= value <= high:
        raise ImproperlyConfigured(f"{name}={value} is outside {low} to {high}.")
    return value


def number(name: str, *, default: float, low: float, high: float) -> float:
    """`name` as a decimal number between `low` and `high`, both included."""
    raw = os.environ.get(name)
    if raw is None or raw == "":
        return default
    try:
        value = float(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name}={raw!r} is not a number.") from None
    if not low <= value <= high:
        raise ImproperlyConfigured(f"{name}={raw} is outside {low} to {high}.")
    return value


def choice(name: str, options: Sequence[str], *, default: str) -> str:
    """`name` as one of `options`."""
    value = os.environ.get(name) or default
    if value not in options:
        raise ImproperlyConfigured(f"{name}={value!r} is not one of {', '.join(options)}.")
    return value
