"""Safety netting: the signs that would make this patient urgent, by the rules the case was judged by."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from triage.engine import FactValue, Knowledge, Level, assess


@dataclass(frozen=True, slots=True)
class Sign:
    """Something a patient can notice: words for them, and the facts it stands for."""

    text: str
    facts: Mapping[str, FactValue]


@dataclass(frozen=True, slots=True)
class Netting:
    """Signs to act on at once, and those to be seen for on the same day."""

    emergency: tuple[str, ...]
    urgent: tuple[str, ...]


@cache
def signs() -> tuple[Sign, ...]:
    """The vocabulary in `signs.json`, in the order in which it is printed."""
    text = resources.files("consultations.documents").joinpath("signs.json").read_text(encoding="utf-8")
    return tuple(Sign(row["text"], row["facts"]) for row in json.loads(text)["items"])


def safety_net(facts: Mapping[str, FactValue], condition: str, knowledge: Knowledge) -> Netting:
    """Every sign that would raise this case to a worse level than it has, at the level it raises to.

    `condition`: what it is thought to be, empty when nobody knows. A sign that only repeats a part of
    itself is left out.
    """
    base = _level(facts, condition, knowledge)
    raised = [
        (sign, level)
        for sign in signs()
        if (level := _level({**facts, **sign.facts}, condition, knowledge)).worse_than(base)
    ]
    kept = [(sign, level) for sign, level in raised if not _repeats(sign, level, raised)]
    return Netting(
        emergency=tuple(sign.text for sign, level in kept if level is Level.EMERGENCY),
        urgent=tuple(sign.text for sign, level in kept if level is Level.REFER_URGENT),
    )


def _level(facts: Mapping[str, FactValue], condition: str, knowledge: Knowledge) -> Level:
    return assess(facts, knowledge, confirmed=condition or None).level


def _repeats(sign: Sign, level: Level, others: Sequence[tuple[Sign, Level]]) -> bool:
    """Whether a smaller sign is just as urgent alone."""
    mine: Any = sign.facts.items()
    return any(
        other is not sign and other.facts.items() < mine and not level.worse_than(at) for other, at in others
    )
