"""Finds policies whose conditions on the way and on reveal can never hold together.

A forbid that never holds forbids nothing, and no error shows that. The conditions are evaluated for each way that a
request can have, with everything else unknown.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from jitney.core.access.request import Way

_Known: TypeAlias = Any
"""The value of an expression, or None if it depends on anything but the way and reveal."""
_WAYS: tuple[Mapping[str, Any], ...] = (
    {"way": Way.CREDENTIALS.value, "reveal": False},
    {"way": Way.GATEWAY.value, "reveal": False},
    {"way": Way.GATEWAY.value, "reveal": True},
)


def never_holds(policy: Mapping[str, Any]) -> bool:
    """Return whether no request can satisfy the conditions of a policy in JSON form, due to its way or to reveal."""
    return not any(_all_may_hold(policy["conditions"], context) for context in _WAYS)


def _all_may_hold(conditions: list[Mapping[str, Any]], context: Mapping[str, Any]) -> bool:
    met = {"when": True, "unless": False}
    return all(_value(each["body"], context) in (None, met[each["kind"]]) for each in conditions)


def _value(expression: Mapping[str, Any], context: Mapping[str, Any]) -> _Known:
    """Return the value of an expression for a request of this way. The other parts of the context are unknown."""
    ((operator, operands),) = expression.items()
    match operator, operands:
        case "Value", (str() | bool()):
            return operands
        case "Set", list():
            members = [_value(each, context) for each in operands]
            return None if None in members else members
        case ".", {"left": {"Var": "context"}, "attr": str(name)}:
            return context.get(name)
        case "!", {"arg": inner}:
            return _negated(_value(inner, context))
        case (("&&" | "||"), {"left": left, "right": right}):
            return _joined(operator, _value(left, context), _value(right, context))
        case (("==" | "!="), {"left": left, "right": right}):
            return _compared(_value(left, context), _value(right, context), equal=operator == "==")
        case "contains", {"left": left, "right": right}:
            members, member = _value(left, context), _value(right, context)
            return None if members is None or member is None else member in members
        case "if-then-else", {"if": test, "then": then, "else": otherwise}:
            chosen = _value(test, context)
            return None if chosen is None else _value(then if chosen else otherwise, context)
    return None


def _negated(value: _Known) -> _Known:
    return None if value is None else not value


def _joined(operator: str, left: _Known, right: _Known) -> _Known:
    """Return the value of a conjunction or disjunction. The value of one side can decide it."""
    deciding = operator == "||"
    if deciding in (left, right):
        return deciding
    return None if None in (left, right) else not deciding


def _compared(left: _Known, right: _Known, *, equal: bool) -> _Known:
    return None if left is None or right is None else (left == right) is equal
