"""Measures the time until AWS denies ended grants (END 1). A canary session of a grant makes a few calls.

The canary's credentials allow one harmless call and never leave the function.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from jitney.core.access.credentials import CANARY_PREFIX, session_request
from jitney.core.access.grant import Grant
from jitney.core.access.request import Permission
from jitney.core.access.session_policy import compile_policy
from jitney.core.problems import Problem
from jitney.core.target_config import Target
from jitney.handlers.runtime.ports import Ports

CANARY_PERMISSIONS = (Permission(("sts:GetAccessKeyInfo",), ("*",)),)
CANARY_POLICY_SECONDS = 60
"""The lifetime of a canary's credentials.

It is longer than a function runs, so their expiry is not taken for the denial.
"""
LATE_MILLISECONDS = 1000
"""How much later than planned a canary may call. So the function ends in time, even if calls hang."""

Measured = TypeVar("Measured", bound=Hashable)


class DenialTime(NamedTuple):
    """When AWS denied a canary's call, in milliseconds since the end was requested; None if it denied no call.

    `allowed` is the time of the last allowed call. AWS began to deny between the two times.
    """

    denied: int | None = None
    allowed: int | None = None


def canaries_of(
    grant: Grant, target: Target, regions: Sequence[str], ports: Ports
) -> dict[str, Callable[[], bool] | None]:
    """Return, by Region, a function that calls AWS in a session of the grant and says whether AWS denied the call.

    Each Region has None instead if no session could be started.
    """
    now = ports.now()
    policy = compile_policy(CANARY_PERMISSIONS, now + CANARY_POLICY_SECONDS, ports.actions)
    try:
        session = ports.sessions.issue(session_request(grant, policy, target.external_id, now, prefix=CANARY_PREFIX))
    except Problem:
        return dict.fromkeys(regions)
    return {region: ports.canary.denial_check(session, region) for region in regions}


def first_denials(
    canaries: Mapping[Measured, Callable[[], bool] | None],
    pauses: Sequence[float],
    elapsed: Callable[[], int],
    ports: Ports,
) -> dict[Measured, DenialTime]:
    """Return when each canary was denied. A canary calls once after each pause (seconds), until it is denied.

    `elapsed` returns the milliseconds since the request that ended the grants.
    """
    found = dict.fromkeys(canaries, DenialTime())
    waiting = {name: is_denied for name, is_denied in canaries.items() if is_denied}
    began, longest = ports.stopwatch(), 1000 * sum(pauses) + LATE_MILLISECONDS
    for pause in pauses:
        if not waiting or ports.stopwatch() - began + 1000 * pause > longest:
            break
        ports.pause(pause)
        for name, is_denied in [*waiting.items()]:
            if ports.stopwatch() - began > longest:
                return found
            if is_denied():
                found[name] = found[name]._replace(denied=elapsed())
                del waiting[name]
            else:
                found[name] = DenialTime(allowed=elapsed())
    return found
