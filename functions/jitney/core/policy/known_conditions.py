"""Evaluates a policy's conditions when only a part of the request is known. All other values are unknown."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from jitney.core.patterns import Pattern, Wildcard, compile_pattern

_Known: TypeAlias = Any
"""The value of an expression, or None if it depends on what is unknown, or if Cedar refuses its types."""


_MET = {"when": True, "unless": False}
"""The value with which each kind of condition is met."""

Facts: TypeAlias = Callable[[str, Any], _Known]
"""Returns the value of an expression, given as operator and operands, or None if it is not known."""


def context_facts(context: Mapping[str, Any]) -> Facts:
    """Return the facts about all requests whose context has these attributes."""

    def known(operator: str, operands: Any) -> _Known:
        match operator, operands:
            case ".", {"left": {"Var": "context"}, "attr": str(name)}:
                return context.get(name)
        return None

    return known


def may_hold(policy: Mapping[str, Any], facts: Facts) -> bool:
    """Return whether some request with these facts meets the conditions of a policy in JSON form.

    True can be wrong: the conditions may contradict each other in what is unknown.
    """
    return all(_value(each["body"], facts) in (None, _MET[each["kind"]]) for each in policy["conditions"])


def must_hold(policy: Mapping[str, Any], facts: Facts) -> bool:
    """Return whether every request with these facts meets the conditions of a policy in JSON form."""
    return all(_value(each["body"], facts) is _MET[each["kind"]] for each in policy["conditions"])


def _value(expression: Mapping[str, Any], facts: Facts) -> _Known:
    ((operator, operands),) = expression.items()
    if (known := facts(operator, operands)) is not None:
        return known
    match operator, operands:
        case "Value", (str() | bool()):
            return operands
        case "Set", list():
            members = [_value(each, facts) for each in operands]
            return None if None in members else members
        case "!", {"arg": inner}:
            return _negated(_value(inner, facts))
        case (("&&" | "||"), {"left": left, "right": right}):
            deciding, first = operator == "||", _value(left, facts)
            return first if first is deciding else _joined(deciding, first, _value(right, facts))
        case (("==" | "!="), {"left": left, "right": right}):
            return _compared(_value(left, facts), _value(right, facts), equal=operator == "==")
        case "like", {"left": left, "pattern": list(parts)}:
            text = _value(left, facts)
            return _is_like(text, parts) if isinstance(text, str) else None
        case "contains", {"left": left, "right": right}:
            members, member = _value(left, facts), _value(right, facts)
            return None if not isinstance(members, list) or member is None else member in members
        case "if-then-else", {"if": test, "then": then, "else": otherwise}:
            chosen = _value(test, facts)
            return None if chosen is None else _value(then if chosen else otherwise, facts)
    return None


def _negated(value: _Known) -> _Known:
    return None if value is None else not value


def _joined(deciding: bool, left: _Known, right: _Known) -> _Known:  # noqa: FBT001 - the value
    """Return the value of a conjunction or disjunction. The value `deciding` of one side decides it."""
    if deciding in (left, right):
        return deciding
    return None if None in (left, right) else not deciding


def _compared(left: _Known, right: _Known, *, equal: bool) -> _Known:
    return None if left is None or right is None else (left == right) is equal


def _is_like(text: str, parts: list[Any]) -> bool:
    return _pattern(tuple(Wildcard.RUN if part == "Wildcard" else part["Literal"] for part in parts)).matches(text)


@lru_cache(256)
def _pattern(tokens: tuple[str | Wildcard, ...]) -> Pattern:
    return compile_pattern(tokens)
