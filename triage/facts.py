"""Strict reading of facts and findings as a caller sent them. A fact left out or null is unknown."""

import json
import math
from collections.abc import Collection, Mapping
from typing import Any

from dermatech.core.errors import FieldError, ValidationFailed
from triage.engine.answers import Findings, problems_of
from triage.engine.knowledge import Knowledge
from triage.engine.vocabulary import BODY_SITES, FACTS, Fact, FactValue, Kind

__all__ = ["BODY_SITES", "FACTS", "FactValue", "fact_from_text", "validate_facts", "validate_findings"]

MAX_FINDINGS = 200  # more than the vocabulary will ever hold; keeps a hostile list small
SHOWN = 40  # characters of a caller's word that an error repeats


class _Wrong(Exception):  # never leaves this module
    """One wrong value: machine code and sentence."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


def validate_facts(
    raw: Any, *, field: str = "facts", conditions: Collection[str] | None = None
) -> dict[str, FactValue]:
    """The known facts of `raw`, each of the right type and in a sane range; unknown ones left out.

    An empty `body_sites` is a question not answered. `conditions`: ids the fact `condition` may name.
    Raises ValidationFailed with every wrong field as `<field>.<name>`.
    """
    if not isinstance(raw, Mapping):
        raise ValidationFailed.of(field, "invalid", "Must be an object of facts.")
    errors: list[FieldError] = []
    facts: dict[str, FactValue] = {}
    for name, value in raw.items():
        fact = FACTS.get(name) if isinstance(name, str) else None
        path = f"{field}.{str(name)[:SHOWN]}" if field else str(name)[:SHOWN]
        if fact is None:
            errors.append(FieldError(path, "unknown_fact", f"There is no fact {str(name)[:SHOWN]!r}."))
            continue
        if value is None or (fact.kind is Kind.CHOICES and value == []):
            continue
        try:
            facts[fact.name] = _value(fact, value, conditions)
        except _Wrong as wrong:
            errors.append(FieldError(path, wrong.code, wrong.message))
    if errors:
        raise ValidationFailed(errors=errors)
    return facts


def fact_from_text(name: str, text: str) -> Any:
    """A fact as JSON would hold it, from a form field; text that fits no type comes back as it is.

    `true`, `12`, `36.6`, `["face", "neck"]` and `face,neck` are understood; empty is unknown.
    """
    fact = FACTS.get(name)
    stripped = text.strip()
    if fact is None or stripped == "" or stripped == "null":
        return None if fact else text
    if fact.kind is Kind.CHOICES and not stripped.startswith("["):
        return [part.strip() for part in stripped.split(",")]
    if fact.kind in (Kind.CHOICE, Kind.CONDITION):
        return stripped
    try:
        return json.loads(stripped)
    except (ValueError, RecursionError):
        return text


def validate_findings(raw: Any, knowledge: Knowledge, *, field: str = "findings") -> Findings:
    """Findings `{"present": [...], "absent": [...]}`, or a bare list taken as present.

    Raises ValidationFailed at `<field>.present` or `<field>.absent`: unknown id, in both lists, a pair
    that excludes each other.
    """
    if raw is None:
        return Findings()
    if isinstance(raw, list):
        raw = {"present": raw}
    if not isinstance(raw, Mapping):
        raise ValidationFailed.of(field, "invalid", "Must be a list, or an object with present and absent.")
    errors = [
        FieldError(f"{field}.{str(name)[:SHOWN]}", "unknown_field", "Known here: present, absent.")
        for name in raw
        if name not in ("present", "absent")
    ]
    ids = {name: _ids(raw.get(name), f"{field}.{name}", errors) for name in ("present", "absent")}
    findings = Findings(frozenset(ids["present"]), frozenset(ids["absent"]))
    errors += [
        FieldError(f"{field}.{problem.list_name}", problem.code, problem.message)
        for problem in problems_of(findings, knowledge.findings)
    ]
    if errors:
        raise ValidationFailed(errors=errors)
    return findings


def _ids(raw: Any, path: str, errors: list[FieldError]) -> list[str]:
    if raw is None:
        return []
    if not isinstance(raw, list) or not all(isinstance(each, str) for each in raw):
        errors.append(FieldError(path, "invalid", "Must be a list of finding ids."))
        return []
    if len(raw) > MAX_FINDINGS:
        errors.append(FieldError(path, "too_many", f"At most {MAX_FINDINGS} findings."))
        return []
    return [each[:SHOWN] for each in raw]


# --- Values -------------------------------------------------------------------------------------
def _value(fact: Fact, value: Any, conditions: Collection[str] | None) -> FactValue:
    match fact.kind:
        case Kind.BOOLEAN:
            if not isinstance(value, bool):
                raise _Wrong("invalid", "Must be true or false, or left out when it is not known.")
            return value
        case Kind.INTEGER | Kind.NUMBER:
            return _number(fact, value)
        case Kind.CHOICE:
            return _choice(fact.choices, value)
        case Kind.CHOICES:
            if not isinstance(value, list) or len(value) > len(fact.choices):
                raise _Wrong("invalid", "Must be a list of body sites.")
            return list(dict.fromkeys(_choice(fact.choices, each) for each in value))
        case Kind.CONDITION:
            if not isinstance(value, str):
                raise _Wrong("invalid", "Must be the id of a condition.")
            if conditions is not None and value not in conditions:
                raise _Wrong("unknown_condition", f"There is no condition {value[:SHOWN]!r}.")
            return value


def _number(fact: Fact, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Wrong("invalid", "Must be a number.")
    if isinstance(value, float) and not math.isfinite(value):
        raise _Wrong("not_finite", "Must be a finite number.")
    if not fact.low <= value <= fact.high:
        unit = f" {fact.unit}" if fact.unit else ""
        raise _Wrong("out_of_range", f"Must lie between {fact.low:g} and {fact.high:g}{unit}.")
    if fact.kind is Kind.INTEGER:
        if value != int(value):
            raise _Wrong("invalid", "Must be a whole number.")
        return int(value)
    return value


def _choice(choices: tuple[str, ...], value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong("invalid", "Must be a word.")
    if value not in choices:
        raise _Wrong("invalid_choice", f"{value[:SHOWN]!r} is not one of: {', '.join(choices)}.")
    return value
