"""Criteria to JSONLogic for phones, and back.

Engines of JSONLogic disagree on comparisons with null, so every numeric test and every negation is
guarded with `!== null`: the exported expression is true exactly when the three-valued answer is true.
"""

from collections.abc import Mapping
from typing import Any

from triage.engine.criteria import All, AnyOf, Criteria, CriteriaError, Not, Op, Test

Expression = dict[str, Any]
_SYMBOLS = {Op.GT: ">", Op.GTE: ">=", Op.LT: "<", Op.LTE: "<="}
_OPPOSITE = {Op.GT: Op.LTE, Op.GTE: Op.LT, Op.LT: Op.GTE, Op.LTE: Op.GT}
_FROM_SYMBOL = {symbol: op for op, symbol in _SYMBOLS.items()}


def rule_to_jsonlogic(when: Criteria, unless: Criteria | None) -> Expression:
    """One expression for a rule: `when` is true and `unless` is not true."""
    condition = to_jsonlogic(when)
    return condition if unless is None else {"and": [condition, {"!": [to_jsonlogic(unless)]}]}


def to_jsonlogic(criteria: Criteria) -> Expression:
    """True exactly when `criteria` is true (so false when it is false or unknown)."""
    match criteria:
        case All(parts):
            return {"and": [to_jsonlogic(part) for part in parts]}
        case AnyOf(parts):
            return {"or": [to_jsonlogic(part) for part in parts]}
        case Not(part):
            return _when_false(part)
        case Test():
            return _test(criteria)


def _when_false(criteria: Criteria) -> Expression:
    """True exactly when `criteria` is false (so false when it is true or unknown)."""
    match criteria:
        case All(parts):
            return {"or": [_when_false(part) for part in parts]}
        case AnyOf(parts):
            return {"and": [_when_false(part) for part in parts]}
        case Not(part):
            return to_jsonlogic(part)
        case Test(fact, op, value):
            return _false_test(fact, op, value)


def _var(fact: str) -> Expression:
    return {"var": fact}


def _known(fact: str) -> Expression:
    return {"!==": [_var(fact), None]}


def _test(test: Test) -> Expression:
    fact, value = test.fact, test.value
    match test.op:
        case Op.IS_UNKNOWN:
            return {"==": [_var(fact), None]}
        case Op.EQ:
            return {"==": [_var(fact), value]}
        case Op.NE:
            return {"and": [_known(fact), {"!=": [_var(fact), value]}]}
        case Op.IN:
            return {"in": [_var(fact), list(value)]}
        case Op.CONTAINS:
            return {"in": [value, _var(fact)]}
        case Op.CONTAINS_ANY:
            return {"or": [{"in": [word, _var(fact)]} for word in value]}
        case _:
            return {"and": [_known(fact), {_SYMBOLS[test.op]: [_var(fact), value]}]}


def _false_test(fact: str, op: Op, value: Any) -> Expression:
    match op:
        case Op.IS_UNKNOWN:
            return _known(fact)
        case Op.NE:
            return {"==": [_var(fact), value]}
        case Op.EQ:
            return _test(Test(fact, Op.NE, value))
        case Op.GT | Op.GTE | Op.LT | Op.LTE:
            return _test(Test(fact, _OPPOSITE[op], value))
        case _:
            return {"and": [_known(fact), {"!": [_test(Test(fact, op, value))]}]}


def from_jsonlogic(expression: Any, *, path: str = "jsonlogic") -> dict[str, Any]:
    """Structured criteria (unparsed) of a JSONLogic expression; raises CriteriaError naming the place.

    Understood is what the export writes without negation: and, or, `==`, `in`, and a numeric test together
    with its null guard. An unguarded numeric test is refused: its answer for a missing fact depends on the
    engine.
    """
    operator, arguments = _operation(expression, path)
    if operator == "and":
        guarded = _guarded(arguments)
        if guarded is not None:
            return guarded
        return {"all": [from_jsonlogic(a, path=f"{path}.and[{i}]") for i, a in enumerate(arguments)]}
    if operator == "or":
        return _same_fact([from_jsonlogic(a, path=f"{path}.or[{i}]") for i, a in enumerate(arguments)])
    if operator == "==" and len(arguments) == 2 and (fact := _fact(arguments[0])):
        if arguments[1] is None:
            return {"fact": fact, "op": "is_unknown"}
        return {"fact": fact, "op": "eq", "value": arguments[1]}
    if operator == "in" and len(arguments) == 2:
        if fact := _fact(arguments[0]):
            return {"fact": fact, "op": "in", "value": arguments[1]}
        if fact := _fact(arguments[1]):
            return {"fact": fact, "op": "contains", "value": arguments[0]}
    if operator in _FROM_SYMBOL:
        raise CriteriaError(path, "A numeric test must be guarded against null.")
    raise CriteriaError(path, f"{operator!r} with these arguments is not understood.")


def _operation(expression: Any, path: str) -> tuple[str, list[Any]]:
    if not isinstance(expression, Mapping) or len(expression) != 1:
        raise CriteriaError(path, "Must be an object with one operator.")
    operator, arguments = next(iter(expression.items()))
    if not isinstance(arguments, list) or not arguments:
        raise CriteriaError(path, f"{operator!r} needs a list of arguments.")
    return operator, arguments


def _fact(expression: Any) -> str | None:
    if isinstance(expression, Mapping) and set(expression) == {"var"} and isinstance(expression["var"], str):
        return expression["var"]
    return None


def _guarded(arguments: list[Any]) -> dict[str, Any] | None:
    """The test inside `and[fact !== null, fact <op> number]`, or None."""
    if len(arguments) != 2 or not all(isinstance(a, Mapping) and len(a) == 1 for a in arguments):
        return None
    (guard, tested), (symbol, values) = (next(iter(a.items())) for a in arguments)
    if guard != "!==" or symbol not in (*_FROM_SYMBOL, "!="):
        return None
    fact = _fact(values[0]) if isinstance(values, list) and len(values) == 2 else None
    if fact is None or tested != [_var(fact), None]:
        return None
    return {"fact": fact, "op": str(_FROM_SYMBOL.get(symbol, Op.NE)), "value": values[1]}


def _same_fact(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """`any` of the parts; several `contains` of one fact alone become one `contains_any`."""
    facts = {part.get("fact") for part in parts}
    if len(parts) > 1 and len(facts) == 1 and all(part.get("op") == "contains" for part in parts):
        return {"fact": facts.pop(), "op": "contains_any", "value": [part["value"] for part in parts]}
    return {"any": parts}
