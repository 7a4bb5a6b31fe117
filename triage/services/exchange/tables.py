"""The tables of the knowledge, their columns, and what a value of each must look like."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from django.db import models

from triage.engine.criteria import CriteriaError, parse_criteria
from triage.models import (
    Condition,
    ConditionProfile,
    DifferentialScoring,
    Finding,
    Frequency,
    Guideline,
    KnowledgeItem,
    SafetyQuestion,
    Vignette,
)

# In the order in which rows must be stored: a profile needs its condition.
TABLES: Final[Mapping[str, type[KnowledgeItem]]] = {
    "conditions": Condition,
    "findings": Finding,
    "profiles": ConditionProfile,
    "scoring": DifferentialScoring,
    "safety_questions": SafetyQuestion,
    "guidelines": Guideline,
    "vignettes": Vignette,
}
FORMATS: Final = ("xlsx", "csv")
_NOT_EXCHANGED: Final = frozenset({"id", "created_at", "updated_at", "content_state", "condition"})
_CRITERIA: Final = frozenset({"when", "unless", "fact_test"})
_FACTS: Final = frozenset({"facts", "match_case", "no_match_case"})
_OBJECTS: Final = frozenset({"sources", "evidence"})
_MOST_ENTRIES: Final = 500
_LONGEST_TEXT: Final = 10_000
SHOWN: Final = 40  # characters of somebody's word that an error repeats

Wrong = tuple[str, str]  # what comes after the column in the place, and the message
if TYPE_CHECKING:
    Field = models.Field[Any, Any]
else:
    Field = models.Field  # not subscriptable at run time


def columns(model: type[KnowledgeItem]) -> dict[str, Field]:
    """Column name -> field, `code` first."""
    fields = {field.name: field for field in model._meta.concrete_fields if field.name not in _NOT_EXCHANGED}
    return {"code": fields.pop("code"), **fields}


def values(row: KnowledgeItem) -> dict[str, Any]:
    """A row as it is exchanged."""
    return {name: getattr(row, name) for name in columns(type(row))}


def is_lines(field: Field) -> bool:
    """Whether a column holds a list of texts."""
    return isinstance(field, models.JSONField) and field.name not in (
        *_CRITERIA, *_FACTS, *_OBJECTS, "findings",
    )  # fmt: skip


def problems(field: Field, value: Any) -> Iterator[Wrong]:
    """What is wrong with the type of a value."""
    if value is None:
        if not field.null:
            yield "", "A value is missing."
    elif isinstance(field, models.JSONField):
        yield from _structured(field, value)
    elif not _plain(field, value):
        yield "", f"Must be {_kind(field)}, not {_shown(value)}."
    elif isinstance(value, str) and len(value) > _LONGEST_TEXT:
        yield "", f"Longer than {_LONGEST_TEXT} characters."


def _plain(field: Field, value: Any) -> bool:
    if isinstance(field, models.BooleanField):
        return isinstance(value, bool)
    if isinstance(field, models.IntegerField):
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(field, models.FloatField):
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, str) and "\x00" not in value


def _kind(field: Field) -> str:
    if isinstance(field, models.BooleanField):
        return "true or false"
    if isinstance(field, models.IntegerField):
        return "a whole number"
    return "a number" if isinstance(field, models.FloatField) else "text"


def _structured(field: Field, value: Any) -> Iterator[Wrong]:
    if field.name in _CRITERIA:
        yield from _criteria(value)
    elif field.name in _FACTS:
        if not isinstance(value, Mapping):
            yield "", f"Must be an object of facts, not {_shown(value)}."
    elif field.name == "findings":
        yield from _frequencies(value)
    elif field.name in _OBJECTS:
        yield from _entries(value, _is_source, "an object of texts")
    else:
        yield from _entries(value, _is_line, "a text")


def _criteria(value: Any) -> Iterator[Wrong]:
    try:
        parse_criteria(value, path="")
    except CriteriaError as wrong:
        yield wrong.path, wrong.message


def _frequencies(value: Any) -> Iterator[Wrong]:
    if not isinstance(value, Mapping):
        yield "", f'Must be an object such as {{"itchy": "often"}}, not {_shown(value)}.'
        return
    for name, word in value.items():
        if word not in Frequency.values:
            yield f".{str(name)[:SHOWN]}", f"{_shown(word)} is not one of: {', '.join(Frequency.values)}."


def _entries(value: Any, holds: Callable[[Any], bool], what: str) -> Iterator[Wrong]:
    if not isinstance(value, list):
        yield "", f"Must be a list, not {_shown(value)}."
    elif len(value) > _MOST_ENTRIES:
        yield "", f"More than {_MOST_ENTRIES} entries."
    else:
        for i, each in enumerate(value):
            if not holds(each):
                yield f"[{i}]", f"Must be {what}, not {_shown(each)}."


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT


def _is_source(value: Any) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(each, str) and len(each) <= _LONGEST_TEXT for each in value.values())
    )


def _shown(value: Any) -> str:
    return repr(value[:SHOWN]) if isinstance(value, str) else f"a {type(value).__name__}"
