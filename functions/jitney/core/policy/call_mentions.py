"""Which policies look at the call.

Such policies see only the approvals of the call itself, not those of its grant (row GW 4).
"""

from collections.abc import Mapping
from typing import Any

from jitney.core.policy.expressions import CONTEXT

_ACCESSES = (".", "has")


def mentions_call(policy: Mapping[str, Any]) -> bool:
    """Return whether a policy in JSON form may look at `context.call`.

    A policy that uses `context` only to read other members by their names does not look at the call. Any other use
    counts as looking at the call, even if this module does not know it.
    """
    return any(_uses_call(condition) for condition in policy["conditions"])


def _uses_call(condition: Any) -> bool:
    left = [condition]  # no recursion: a chain of hundreds of || is as deep
    while left:
        expression = left.pop()
        if isinstance(expression, list):
            left += expression
        elif isinstance(expression, dict):
            if expression == CONTEXT:
                return True
            left += [
                operands for operator, operands in expression.items() if not _reads_other_member(operator, operands)
            ]
    return False


def _reads_other_member(operator: str, operands: Any) -> bool:
    """Return whether this reads a member of the context other than `call`, such as `context.way`."""
    if operator not in _ACCESSES or operands.keys() != {"left", "attr"}:
        return False
    return operands["left"] == CONTEXT and isinstance(operands["attr"], str) and operands["attr"] != "call"
