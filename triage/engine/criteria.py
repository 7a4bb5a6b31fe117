"""Structured criteria: parsed strictly, evaluated with three values.

    {"all": [...]}  {"any": [...]}  {"not": ...}  {"fact": "pain_score", "op": "gte", "value": 7}

A test on a fact that nobody gave is unknown (None), except `is_unknown`, which asks just that.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from triage.engine.vocabulary import FACTS, Fact, FactValue, Kind

MAX_DEPTH = 12
MAX_NODES = 400
MAX_VALUES = 200


class Op(StrEnum):
    """The closed list of operators."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    IN = "in"
    CONTAINS = "contains"
    CONTAINS_ANY = "contains_any"
    IS_UNKNOWN = "is_unknown"


_NUMERIC_OPS = (Op.EQ, Op.NE, Op.GT, Op.GTE, Op.LT, Op.LTE, Op.IS_UNKNOWN)
_NAMED_OPS = (Op.EQ, Op.NE, Op.IN, Op.IS_UNKNOWN)
OPS_OF: Mapping[Kind, tuple[Op, ...]] = {
    Kind.BOOLEAN: (Op.EQ, Op.NE, Op.IS_UNKNOWN),
    Kind.INTEGER: _NUMERIC_OPS,
    Kind.NUMBER: _NUMERIC_OPS,
    Kind.CHOICE: _NAMED_OPS,
    Kind.CONDITION: _NAMED_OPS,
    Kind.CHOICES: (Op.CONTAINS, Op.CONTAINS_ANY, Op.IS_UNKNOWN),
}


class CriteriaError(ValueError):
    """Criteria that cannot be understood. `path` names the place, as `when.all[2].value`."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        self.message = message
        super().__init__(f"{path}: {message}")


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison of one fact."""

    fact: str
    op: Op
    value: Any = None  # bool, int, float, str, or tuple[str, ...] for `in` and `contains_any`

    __test__ = False  # not a test class, whatever pytest thinks of the name

    def evaluate(self, facts: Mapping[str, FactValue]) -> bool | None:
        given = facts.get(self.fact)
        op = self.op
        if op is Op.IS_UNKNOWN:
            return given is None
        if given is None:
            return None
        # The inner loop of every assessment; most tests are this one.
        return given == self.value if op is Op.EQ else compare(op, given, self.value)


@dataclass(frozen=True, slots=True)
class All:
    """True when every part is; false as soon as one is false."""

    parts: tuple["Criteria", ...]

    def evaluate(self, facts: Mapping[str, FactValue]) -> bool | None:
        result: bool | None = True
        for part in self.parts:
            value = part.evaluate(facts)
            if value is False:
                return False
            if value is None:
                result = None
        return result


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True as soon as one part is; false when every part is false."""

    parts: tuple["Criteria", ...]

    def evaluate(self, facts: Mapping[str, FactValue]) -> bool | None:
        result: bool | None = False
        for part in self.parts:
            value = part.evaluate(facts)
            if value is True:
                return True
            if value is None:
                result = None
        return result


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; unknown stays unknown."""

    part: "Criteria"

    def evaluate(self, facts: Mapping[str, FactValue]) -> bool | None:
        value = self.part.evaluate(facts)
        return None if value is None else not value


Criteria: TypeAlias = Test | All | AnyOf | Not


def compare(op: Op, given: Any, wanted: Any) -> bool:
    """The two-valued answer of `op` on a known value."""
    match op:
        case Op.EQ:
            return bool(given == wanted)
        case Op.NE:
            return bool(given != wanted)
        case Op.GT:
            return bool(given > wanted)
        case Op.GTE:
            return bool(given >= wanted)
        case Op.LT:
            return bool(given < wanted)
        case Op.LTE:
            return bool(given <= wanted)
        case Op.IN:
            return given in wanted
        case Op.CONTAINS:
            return wanted in given
        case Op.CONTAINS_ANY:
            return any(value in given for value in wanted)
        case Op.IS_UNKNOWN:
            return False


def tests(criteria: Criteria) -> Iterator[Test]:
    """Every comparison inside, in reading order."""
    match criteria:
        case Test():
            yield criteria
        case Not(part):
            yield from tests(part)
        case All(parts) | AnyOf(parts):
            for part in parts:
                yield from tests(part)


def to_dict(criteria: Criteria) -> dict[str, Any]:
    """The structured form, as stored and edited."""
    match criteria:
        case All(parts):
            return {"all": [to_dict(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [to_dict(part) for part in parts]}
        case Not(part):
            return {"not": to_dict(part)}
        case Test(fact, Op.IS_UNKNOWN, _):
            return {"fact": fact, "op": str(Op.IS_UNKNOWN)}
        case Test(fact, op, value):
            return {"fact": fact, "op": str(op), "value": list(value) if isinstance(value, tuple) else value}


def parse_criteria(
    raw: Any, *, path: str = "criteria", conditions: Collection[str] | None = None
) -> Criteria:
    """Strictly read structured criteria; raises CriteriaError naming the place.

    `conditions` are the condition ids that may be named; None accepts any id.
    """
    return _Parser(conditions).parse(raw, path, depth=1)


@dataclass(slots=True)
class _Parser:
    conditions: Collection[str] | None
    nodes: int = 0

    def parse(self, raw: Any, path: str, depth: int) -> Criteria:
        self.nodes += 1
        if depth > MAX_DEPTH:
            raise CriteriaError(path, f"Nested deeper than {MAX_DEPTH} levels.")
        if self.nodes > MAX_NODES:
            raise CriteriaError(path, f"More than {MAX_NODES} parts.")
        if not isinstance(raw, Mapping):
            raise CriteriaError(
                path, 'Must be an object such as {"fact": "fever", "op": "eq", "value": true}.'
            )
        if "fact" in raw:
            return self._test(raw, path)
        if len(raw) != 1:
            raise CriteriaError(
                path, 'Must have exactly one of "all", "any", "not", or be a test with "fact".'
            )
        key, inside = next(iter(raw.items()))
        if key == "not":
            return Not(self.parse(inside, f"{path}.not", depth + 1))
        if key not in ("all", "any"):
            raise CriteriaError(path, f"{_shown(key)} is not known here. Known: all, any, not, fact.")
        if not isinstance(inside, list) or not inside:
            raise CriteriaError(f"{path}.{key}", "Must be a list with at least one part.")
        parts = tuple(self.parse(part, f"{path}.{key}[{i}]", depth + 1) for i, part in enumerate(inside))
        return All(parts) if key == "all" else AnyOf(parts)

    def _test(self, raw: Mapping[str, Any], path: str) -> Test:
        unknown = set(raw) - {"fact", "op", "value"}
        if unknown:
            names = ", ".join(sorted(map(_shown, unknown)))
            raise CriteriaError(path, f"Not known in a test: {names[:200]}.")
        name = raw["fact"]
        fact = FACTS.get(name) if isinstance(name, str) else None
        if fact is None:
            raise CriteriaError(f"{path}.fact", f"There is no fact {_shown(name)}.")
        allowed = OPS_OF[fact.kind]
        op = raw.get("op")
        if op not in tuple(map(str, allowed)):
            raise CriteriaError(f"{path}.op", f"{fact.name} takes: {', '.join(allowed)}.")
        if op == Op.IS_UNKNOWN:
            if raw.get("value") is not None:
                raise CriteriaError(f"{path}.value", "is_unknown takes no value.")
            return Test(fact.name, Op.IS_UNKNOWN)
        if "value" not in raw:
            raise CriteriaError(f"{path}.value", "A value is missing.")
        return Test(fact.name, Op(op), self._value(fact, Op(op), raw["value"], f"{path}.value"))

    def _value(self, fact: Fact, op: Op, value: Any, path: str) -> Any:
        if op in (Op.IN, Op.CONTAINS_ANY):
            if not isinstance(value, list) or not 1 <= len(value) <= MAX_VALUES:
                raise CriteriaError(path, f"Must be a list of 1 to {MAX_VALUES} values.")
            checked = [self._word(fact, word, f"{path}[{i}]") for i, word in enumerate(value)]
            if len(set(checked)) != len(checked):
                raise CriteriaError(path, "A value stands there twice.")
            return tuple(checked)
        if fact.kind is Kind.BOOLEAN:
            if not isinstance(value, bool):
                raise CriteriaError(path, f"{fact.name} is true or false.")
            return value
        return _number(fact, value, path) if fact.numeric else self._word(fact, value, path)

    def _word(self, fact: Fact, value: Any, path: str) -> str:
        if not isinstance(value, str):
            raise CriteriaError(path, "Must be a word.")
        if fact.kind is Kind.CONDITION:
            if self.conditions is not None and value not in self.conditions:
                raise CriteriaError(path, f"There is no condition {_shown(value)}.")
        elif value not in fact.choices:
            raise CriteriaError(path, f"{_shown(value)} is not a value of {fact.name}.")
        return value


def _number(fact: Fact, value: Any, path: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise CriteriaError(path, "Must be a number.")
    if not fact.low <= value <= fact.high:  # false for NaN too
        limits = f"{fact.low:g} and {fact.high:g} {fact.unit}".strip()
        raise CriteriaError(path, f"{fact.name} lies between {limits}.")
    return value


def _shown(value: Any) -> str:
    """What somebody wrote, cut to what an error may repeat."""
    return repr(value[:40]) if isinstance(value, str) else f"a {type(value).__name__}"
