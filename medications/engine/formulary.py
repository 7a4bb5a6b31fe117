"""A whole formulary: what `parse_formulary` makes of a snapshot and every check reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from medications.engine.lexicon import Lexicon
from medications.engine.model import (
    AllergyClass,
    Concept,
    ConditionAdvice,
    Medication,
    Treatment,
    UseLimit,
)


@dataclass(frozen=True, slots=True)
class Formulary:
    """A parsed snapshot. `conditions` maps a condition's id to its name and synonyms, `use_limits`
    the sentence of a treatment to what can be checked of it."""

    medications: Mapping[str, Medication]
    treatments: tuple[Treatment, ...]
    interaction_classes: Mapping[str, frozenset[str]]
    allergy_classes: Mapping[str, AllergyClass]
    concepts: Mapping[str, Concept]
    use_limits: Mapping[str, UseLimit]
    conditions: Mapping[str, tuple[str, ...]]
    lexicon: Lexicon
    release: str | None = None
    review_state: str = "starter_unreviewed"
    advice: Mapping[str, ConditionAdvice] = field(default_factory=dict)

    def of_release(self, label: str, review_state: str) -> "Formulary":
        """The same formulary, knowing which release it is and whether people answer for it."""
        return replace(self, release=label, review_state=review_state)

    def treatments_of(self, condition: str) -> tuple[Treatment, ...]:
        """The candidate treatments of one condition."""
        return tuple(item for item in self.treatments if item.condition == condition)

    def advice_on(self, condition: str) -> ConditionAdvice:
        """What the release says of a condition beside medicines; empty where it says nothing."""
        return self.advice.get(condition, ConditionAdvice())

    def condition_name(self, condition: str) -> str:
        """The condition in words; its id spelled out where the snapshot does not name it."""
        names = self.conditions.get(condition)
        return names[0] if names else condition.replace("-", " ").capitalize()
