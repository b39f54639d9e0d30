"""Finds policies whose conditions on the way and on reveal can never hold together.

A forbid that never holds forbids nothing, and no error shows that. The conditions are evaluated for each way that a
request can have, with everything else unknown.
"""

from collections.abc import Mapping
from typing import Any

from jitney.core.access.request import Way
from jitney.core.policy.known_conditions import context_facts, may_hold

_WAYS: tuple[Mapping[str, Any], ...] = (
    {"way": Way.CREDENTIALS.value, "reveal": False},
    {"way": Way.GATEWAY.value, "reveal": False},
    {"way": Way.GATEWAY.value, "reveal": True},
)


def never_holds(policy: Mapping[str, Any]) -> bool:
    """Return whether no request can satisfy the conditions of a policy in JSON form, due to its way or to reveal."""
    return not any(may_hold(policy, context_facts(each)) for each in _WAYS)
