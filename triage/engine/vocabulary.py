"""The closed vocabulary of facts: names, kinds, ranges, units and questions.

The table is `triage/data/facts.json`. Rules, the API and the phone know a fact only by what stands there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any

# A fact that nobody gave is absent or None: unknown, never false.
FactValue = bool | int | float | str | list[str] | tuple[str, ...] | None


class Kind(StrEnum):
    """What values a fact takes."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    CHOICE = "choice"
    CHOICES = "choices"
    CONDITION = "condition"  # id of a condition of the published knowledge


@dataclass(frozen=True, slots=True)
class AskOnlyIf:
    """When a question makes sense; an unknown sex or age never silences it. Ages in months, inclusive."""

    sex: str
    age_months_min: int
    age_months_max: int

    def applies(self, facts: Mapping[str, FactValue]) -> bool:
        sex, age = facts.get("sex"), facts.get("age_months")
        if sex is not None and sex != self.sex:
            return False
        return not isinstance(age, int | float) or self.age_months_min <= age <= self.age_months_max


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact. `low` and `high` are inclusive, in `unit`; `yes` and `no` say a boolean in words."""

    name: str
    kind: Kind
    question: str
    label: str
    low: float = 0
    high: float = 0
    unit: str = ""
    choices: tuple[str, ...] = ()
    yes: str = ""
    no: str = ""
    ask_only_if: AskOnlyIf | None = None

    @property
    def numeric(self) -> bool:
        return self.kind in (Kind.INTEGER, Kind.NUMBER)

    def askable(self, facts: Mapping[str, FactValue]) -> bool:
        """Whether the question makes sense for this patient (nobody asks a boy about pregnancy)."""
        return self.ask_only_if is None or self.ask_only_if.applies(facts)


def _fact(row: Mapping[str, Any]) -> Fact:
    only_if = row.get("ask_only_if")
    return Fact(
        name=row["name"],
        kind=Kind(row["kind"]),
        question=row["question"],
        label=row.get("label", row["name"].replace("_", " ")),
        low=row.get("low", 0),
        high=row.get("high", 0),
        unit=row.get("unit", ""),
        choices=tuple(row.get("choices", ())),
        yes=row.get("yes", ""),
        no=row.get("no", ""),
        ask_only_if=AskOnlyIf(**only_if) if only_if else None,
    )


def _read() -> dict[str, Fact]:
    text = resources.files("triage").joinpath("data/facts.json").read_text(encoding="utf-8")
    return {row["name"]: _fact(row) for row in json.loads(text)["items"]}


FACTS: Mapping[str, Fact] = _read()
BODY_SITES: tuple[str, ...] = FACTS["body_sites"].choices
