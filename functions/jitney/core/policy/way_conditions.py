"""Finds policies whose conditions on the way and on reveal can never hold together.

A forbid that never holds forbids nothing, and no error shows that. The conditions are evaluated for each way that a
request can have, with everything else unknown.
"""

from collections.abc import Mapping
from typing import Any

from jitney.core.access.request import Way
from jitney.core.policy.condition_witnesses import OPERATION
from jitney.core.policy.expressions import CALL
from jitney.core.policy.known_conditions import Facts, context_facts, may_hold

_IS_CALL = {"left": CALL, "right": {"Value": OPERATION}}
_WAYS: tuple[Mapping[str, Any], ...] = (
    {"way": Way.CREDENTIALS.value, "reveal": False},
    {"way": Way.GATEWAY.value, "reveal": False},
    {"way": Way.GATEWAY.value, "reveal": True},
)


def never_holds(policy: Mapping[str, Any]) -> bool:
    """Return whether no request can satisfy the conditions of a policy in JSON form, due to its way or to reveal."""
    return not any(may_hold(policy, _facts(each)) for each in _WAYS)


def _facts(way: Mapping[str, Any]) -> Facts:
    """Return what is known of a request with this way. Only calls through the gateway have an operation."""
    known = context_facts(way)

    def facts(operator: str, operands: Any) -> Any:
        is_call = operator == "hasTag" and operands == _IS_CALL
        return False if is_call and way["way"] != Way.GATEWAY else known(operator, operands)

    return facts
