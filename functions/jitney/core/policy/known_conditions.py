"""Evaluates a policy's conditions when only a part of the request is known. All other values are unknown."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from operator import contains, eq, ge, gt, le, lt, ne
from typing import Any, NamedTuple, TypeAlias

from jitney.core.patterns import Pattern, Wildcard, compile_pattern
from jitney.core.policy.expressions import CONTEXT, Expression

_Known: TypeAlias = Any
"""The value of an expression, or None if it depends on what is unknown, or if Cedar refuses its types."""


_MET = {"when": True, "unless": False}
"""The value with which each kind of condition is met."""
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_RELATIONS = {**COMPARISONS, "contains": contains}

Facts: TypeAlias = Callable[[str, Any], _Known]
"""Returns the value of an expression, given as operator and operands, or None if it is not known."""


class Entity(NamedTuple):
    """A Cedar entity: the value of an entity literal."""

    type: str
    id: str


def attribute_facts(read: Expression, attributes: Mapping[str, Any]) -> Facts:
    """Return the facts about all requests in which `read` has these attributes, and others that are not known."""
    return lambda operator, operands: (
        attributes.get(operands["attr"]) if operator == "." and operands["left"] == read else None
    )


def context_facts(context: Mapping[str, Any]) -> Facts:
    """Return the facts about all requests whose context has these attributes."""
    return attribute_facts(CONTEXT, context)


def tag_facts(read: Expression, tags: Mapping[str, Any]) -> Facts:
    """Return the facts about all requests in which `read` has exactly these tags. A value of None is not known."""

    def known(operator: str, operands: Any) -> _Known:
        match operator, operands:
            case (("hasTag" | "getTag"), {"left": left, "right": {"Value": str(name)}}) if left == read:
                return name in tags if operator == "hasTag" else tags.get(name)
        return None

    return known


def parent_facts(read: Expression, is_parent: Callable[[Entity], bool | None]) -> Facts:
    """Return the facts about the entities that contain `read`. `is_parent` returns None for those not known."""

    def known(operator: str, operands: Any) -> _Known:
        if operator != "in" or operands["left"] != read:
            return None
        found = {is_parent(each) for each in _entities(operands["right"])}
        return True if True in found else None if None in found else False

    return known


def joined_facts(*facts: Facts) -> Facts:
    """Return all of these facts. The first that knows a value decides it."""
    return lambda operator, operands: next(
        (value for each in facts if (value := each(operator, operands)) is not None), None
    )


def may_hold(policy: Mapping[str, Any], facts: Facts) -> bool:
    """Return whether some request with these facts meets the conditions of a policy in JSON form.

    True can be wrong: the conditions may contradict each other in what is unknown.
    """
    return all(_value(each["body"], facts) in (None, _MET[each["kind"]]) for each in policy["conditions"])


def must_hold(policy: Mapping[str, Any], facts: Facts) -> bool:
    """Return whether every request with these facts meets the conditions of a policy in JSON form."""
    return all(_value(each["body"], facts) is _MET[each["kind"]] for each in policy["conditions"])


def _value(expression: Expression, facts: Facts) -> _Known:
    ((operator, operands),) = expression.items()
    if (known := facts(operator, operands)) is not None:
        return known
    match operator, operands:
        case "Value", _:
            return Entity(**operands["__entity"]) if isinstance(operands, dict) else operands
        case "Set", list():
            members = [_value(each, facts) for each in operands]
            return None if None in members else members
        case ".", {"left": left, "attr": name}:
            record = _value(left, facts)
            return record.get(name) if isinstance(record, Mapping) else None
        case "!", {"arg": inner}:
            return _negated(_value(inner, facts))
        case (("&&" | "||"), {"left": left, "right": right}):
            deciding, first = operator == "||", _value(left, facts)
            return first if first is deciding else _joined(deciding, first, _value(right, facts))
        case _, {"left": left, "right": right} if operator in _RELATIONS:
            return _related(operator, _value(left, facts), _value(right, facts))
        case "like", {"left": left, "pattern": list(parts)}:
            text = _value(left, facts)
            return _is_like(text, parts) if isinstance(text, str) else None
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


def _related(operator: str, left: _Known, right: _Known) -> _Known:
    if left is None or right is None:
        return None
    try:
        return _RELATIONS[operator](left, right)
    except TypeError:  # Cedar refuses these types, too
        return None


def _entities(expression: Expression) -> Iterator[Entity]:
    """Yield the entities of an `in`. One that is not a literal is of no type."""
    for each in expression.get("Set", [expression]):
        yield Entity(**each.get("Value", {}).get("__entity", {"type": "", "id": ""}))


def _is_like(text: str, parts: list[Any]) -> bool:
    return _pattern(tuple(Wildcard.RUN if part == "Wildcard" else part["Literal"] for part in parts)).matches(text)


@lru_cache(256)
def _pattern(tokens: tuple[str | Wildcard, ...]) -> Pattern:
    return compile_pattern(tokens)
