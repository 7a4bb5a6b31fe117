"""What an edit takes from the emergency rules: it needs two approvals."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from triage.engine.knowledge import Knowledge, Rule, parse_knowledge
from triage.engine.levels import Level
from triage.engine.vocabulary import FACTS
from triage.engine.words import say
from triage.linter.solver import UndecidedError, find, fires, silent

Snapshot = Mapping[str, Any]
_BUDGET: Final = 40_000  # attempts for one rule, a few seconds; what stays undecided counts as narrowed


@dataclass(frozen=True, slots=True)
class Weakened:
    """An emergency rule that says less than before. `example`: facts of a patient whom the old rule
    catches and the new one does not, where one was found."""

    rule: str
    title: str
    change: str  # removed, lowered or narrowed
    message: str
    example: dict[str, Any] | None = None


def weakened_emergencies(old: Snapshot, new: Snapshot) -> list[dict[str, Any]]:
    """Every emergency rule of `old` that `new` removes, lowers or narrows, as `Weakened` in JSON."""
    before, after = parse_knowledge(old), parse_knowledge(new)
    kept = {rule.id: rule for rule in after.rules}
    found: Iterator[Weakened] = (
        weakened
        for rule in before.rules
        if rule.level is Level.EMERGENCY
        for weakened in _compared(rule, kept.get(rule.id), after)
    )
    return [asdict(each) for each in found]


def _compared(old: Rule, new: Rule | None, knowledge: Knowledge) -> Iterator[Weakened]:
    if new is None:
        yield Weakened(old.id, old.title, "removed", "This emergency rule is removed.")
    elif new.level is not Level.EMERGENCY:
        yield Weakened(
            old.id, old.title, "lowered", f"This emergency rule becomes {new.level.value.replace('_', ' ')}."
        )
    elif (old.when, old.unless) != (new.when, new.unless):
        yield from _narrowed(old, new, knowledge)


def _narrowed(old: Rule, new: Rule, knowledge: Knowledge) -> Iterator[Weakened]:
    try:
        example = _missed(old, new, sorted(knowledge.conditions))
    except UndecidedError:
        message = "This emergency rule was changed, and it is not certain that it still catches all it did."
        yield Weakened(old.id, old.title, "narrowed", message)
        return
    if example is not None:
        said = "; ".join(say(name, example[name], knowledge.names) for name in FACTS if name in example)
        message = f"This emergency rule no longer catches a patient it did: {said or 'nothing asked'}."
        yield Weakened(old.id, old.title, "narrowed", message, example)


def _missed(old: Rule, new: Rule, conditions: Sequence[str]) -> dict[str, Any] | None:
    needed = fires(old.when, old.unless)
    for way in silent(new.when, new.unless):
        example = find([*needed, *way], conditions=conditions, budget=_BUDGET)
        if example is not None:
            return example
    return None
