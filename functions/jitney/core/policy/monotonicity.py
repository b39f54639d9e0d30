"""Whether a policy permits at least as much when a set in the context has more members.

With this, `decide` looks up earlier approvals only if they can help, and cannot miss a denial because of them. A policy
that permits less after an approval has an inverted condition: without the approval, it permits what needs a review.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from jitney.core.policy.expressions import CONTEXT, attribute

_TESTS = frozenset({"contains", "containsAll", "containsAny"})
"""The operators that hold for a larger set on their left side if they hold for a smaller one."""


class _Use(IntEnum):
    """What the policy does if an expression is true more often: permits more, permits less, or either."""

    LESS = -1
    UNKNOWN = 0
    MORE = 1


def permits_more(policy: Mapping[str, Any], name: str, apart: str = "") -> bool:
    """Return whether a policy in JSON form surely permits as much or more if `context.<name>` has more members.

    False for any use of the attribute that this module does not know. The member `apart` does not count.
    """
    read = attribute(CONTEXT, name)
    permits, met = policy["effect"] == "permit", {"when": 1, "unless": -1}
    waiting: list[tuple[Any, _Use]] = [
        (each["body"], _Use(met[each["kind"]] * (1 if permits else -1))) for each in policy["conditions"]
    ]
    while waiting:  # no recursion, because hundreds of || in a row nest as deep
        expression, use = waiting.pop()
        if isinstance(expression, list):
            waiting += ((each, use) for each in expression)
        if not isinstance(expression, dict):
            continue
        for operator, operands in expression.items():
            if operator == "contains" and operands == {"left": read, "right": {"Value": apart}}:
                continue
            if {operator: operands} == read and use is not _Use.MORE:
                return False
            if {operator: operands} != read:
                waiting += _parts(operator, operands, use)
    return True


def _parts(operator: str, operands: Any, use: _Use) -> list[tuple[Any, _Use]]:
    """Return the operands of an operator, each with its use."""
    match operator, operands:
        case (("&&" | "||"), {"left": left, "right": right}):
            return [(left, use), (right, use)]
        case "!", {"arg": inner}:
            return [(inner, _Use(-use))]
        case "if-then-else", {"if": test, "then": then, "else": otherwise}:
            return [(test, _Use.UNKNOWN), (then, use), (otherwise, use)]
        case str(name), {"left": left, "right": right} if name in _TESTS:
            return [(left, use), (right, _Use.UNKNOWN)]
    inner = operands.values() if isinstance(operands, dict) else [operands]
    return [(each, _Use.UNKNOWN) for each in inner]
