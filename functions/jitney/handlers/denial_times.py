"""Measures how long it takes until AWS denies ended grants (END 1). A canary session of a grant makes one call.

The canary's credentials allow one harmless call and never leave the function.
"""

from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from jitney.core.access.credentials import CANARY_PREFIX, session_request
from jitney.core.access.grant import Grant
from jitney.core.access.request import Permission
from jitney.core.access.session_policy import compile_policy
from jitney.core.config import Target
from jitney.core.problems import Problem
from jitney.handlers.ports import Ports

CANARY_PERMISSIONS = (Permission(("sts:GetAccessKeyInfo",), ("*",)),)
CANARY_TIMEOUT_SECONDS = 5
"""With the write and the other calls, it fits in the function's time."""
CANARY_INTERVAL_SECONDS = 0.2
CANARY_POLICY_SECONDS = 60
"""Longer than a function runs: the canary must not mistake its own expiry for the denial."""

Measured = TypeVar("Measured", bound=Hashable)


def canary_of(grant: Grant, target: Target, ports: Ports) -> Callable[[], bool] | None:
    """Return a call in a session of the grant that says whether AWS denied it. Return None if no session starts."""
    now = ports.now()
    policy = compile_policy(CANARY_PERMISSIONS, now + CANARY_POLICY_SECONDS, ports.actions)
    try:
        request = session_request(grant, policy, target.external_id, now, prefix=CANARY_PREFIX)
        return ports.canary.denial_check(ports.sessions.issue(request))
    except Problem:
        return None


def first_denials(
    canaries: Mapping[Measured, Callable[[], bool] | None], started: int, ports: Ports
) -> dict[Measured, int | None]:
    """Return the milliseconds from `started` to the first denial of each canary. The canaries call in turn.

    None if there is no canary, or it was not denied within CANARY_TIMEOUT_SECONDS. `started` is the stopwatch's time.
    """
    found: dict[Measured, int | None] = dict.fromkeys(canaries)
    waiting = {name: denied for name, denied in canaries.items() if denied}
    first_call = ports.stopwatch()
    while waiting and ports.stopwatch() - first_call < CANARY_TIMEOUT_SECONDS * 1000:
        for name in [name for name, denied in waiting.items() if denied()]:
            found[name] = ports.stopwatch() - started
            del waiting[name]
        if waiting:
            ports.pause(CANARY_INTERVAL_SECONDS)
    return found
