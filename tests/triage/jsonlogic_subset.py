"""JSONLogic as json-logic-js evaluates it, as far as our export uses it. Null counts as 0 in `<`,
which is why the export must guard every comparison."""

from collections.abc import Callable
from typing import Any


def js_true(value: Any) -> bool:
    return not (value is None or value is False or value == 0 or value in ("", []))


def _number(value: Any) -> Any:
    return 0 if value is None else value


def run(rule: Any, data: dict[str, Any]) -> Any:
    """The value of `rule` on `data`."""
    if isinstance(rule, list):
        return [run(each, data) for each in rule]
    if not isinstance(rule, dict):
        return rule
    ((operator, arguments),) = rule.items()
    if operator == "var":
        return data.get(arguments)
    if operator in ("and", "or"):
        value: Any = None
        for each in arguments:
            value = run(each, data)
            if js_true(value) is (operator == "or"):
                break
        return value
    return OPERATORS[operator](*(run(each, data) for each in arguments))


def _same(left: Any, right: Any) -> bool:
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


OPERATORS: dict[str, Callable[..., bool]] = {
    "!": lambda value: not js_true(value),
    "==": _same,
    "!=": lambda left, right: not _same(left, right),
    "!==": lambda left, right: not _same(left, right),
    "in": lambda left, right: right is not None and left in right,
    "<": lambda left, right: _number(left) < _number(right),
    "<=": lambda left, right: _number(left) <= _number(right),
    ">": lambda left, right: _number(left) > _number(right),
    ">=": lambda left, right: _number(left) >= _number(right),
}
