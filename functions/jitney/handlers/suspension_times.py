"""Measures how long it takes until AWS denies what a suspension ended (END 8)."""

from collections.abc import Iterable
from itertools import islice

from jitney.core.access.grant import Grant, State
from jitney.core.access.suspensions import Suspension
from jitney.core.config import Target
from jitney.core.problems import Problem
from jitney.handlers.denial_times import canaries_of, first_denials
from jitney.handlers.logs import logger
from jitney.handlers.ports import Ports

MOST_TARGETS, MOST_READ = 10, 200
"""How many targets are measured, and how many of a target's active grants are read to find one that ended."""
MEASURED_WITHIN_SECONDS = 30
"""Half of the time after a suspension in which new sessions are still denied (`suspension_denials`)."""
PAUSES_SECONDS = (0, 0.25, 0.5, 1, 1.25, 2)
"""The pauses before a canary's calls: within five seconds, because the operator waits for the answer."""
LAST_START_MILLISECONDS = 4000
"""No canary starts later in the call. Even if STS and the canary hang, they end in the function's 25 s."""


def suspension_times(
    suspension: Suspension, targets: Iterable[Target], started: int, ports: Ports
) -> dict[str, int | None]:
    """Return by alias the milliseconds from `started` until AWS denied a session of a grant that the suspension ended.

    None where AWS did not deny it in time. A target is missing if nothing was found to deny there, if its role cannot
    make the canary's call, or if there was no time. Call this between writing the deny documents and the ends.
    """
    now = ports.now()
    if now >= suspension.since + MEASURED_WITHIN_SECONDS:
        return {}
    canaries = {}
    try:
        for target in islice(targets, MOST_TARGETS):
            if ports.stopwatch() - started >= LAST_START_MILLISECONDS:
                break
            if target.canary and (grant := _live_grant(suspension, target, now, ports)):
                canaries[target.alias] = canaries_of(grant, target, (target.region,), ports)[target.region]
    except Problem as problem:  # the role denies nevertheless
        logger.warning("time to deny not measured", suspension=suspension.id, code=problem.code)
    times = first_denials(canaries, PAUSES_SECONDS, lambda: ports.stopwatch() - started, ports)
    return {alias: each.denied for alias, each in times.items()}


def _live_grant(suspension: Suspension, target: Target, now: int, ports: Ports) -> Grant | None:
    """Return a grant on a present role of the target that the suspension ended and whose credentials may live."""
    active = islice(ports.store.grants_in_state(target.role_arn, State.ACTIVE, now), MOST_READ)
    here = (each for each in active if each.role_arn in target.role_arns)
    return next((each for each in here if suspension.ends(each) and each.may_have_credentials(now)), None)
