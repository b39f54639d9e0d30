"""Starts a function that measures when AWS denies the grants that a suspension ended (END 8).

The answer does not wait for the measurement, as for a release (`handlers.denial_measurements`).
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from jitney.core.access.grant import Grant, State
from jitney.core.access.suspension_entry import Suspension
from jitney.core.problems import Problem
from jitney.core.target_config import Target
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.ports import Ports

MOST_TARGETS, MOST_READ = 10, 200
"""The limits of measured targets, and of a target's active grants that are read to find one that ended."""
MEASURED_WITHIN_SECONDS = 30
"""Half of the time after a suspension in which new sessions are still denied (`suspension_denials`).

A session that started later would not be denied, so the measurement would be wrong.
"""


def grants_to_measure(suspension: Suspension, targets: Iterable[Target], ports: Ports) -> Iterator[Grant]:
    """Yield one grant for each target: a grant that the suspension ended and whose credentials may be valid.

    Call this before the ends are written. Grants that the documents have to list are left out, because they are denied
    after the ends. A target is missing if it has no such grant on a present role, or if its roles cannot make the
    canary's call. Yields nothing after `MEASURED_WITHIN_SECONDS`. Raises Problem unavailable.
    """
    now = ports.now()
    if now >= suspension.since + MEASURED_WITHIN_SECONDS:
        return
    for target in islice((each for each in targets if each.canary), MOST_TARGETS):
        active = islice(ports.store.grants_in_state(target.role_arn, State.ACTIVE, now), MOST_READ)
        ended = (each for each in active if each.role_arn in target.role_arns and suspension.ends(each))
        denied = (each for each in ended if suspension.is_denied_on(target, each))
        yield from islice((each for each in denied if each.may_have_credentials(now)), 1)


def start_measurement(
    grant: Grant, suspension: Suspension, since_milliseconds: int, written_at: int, ports: Ports
) -> bool:
    """Start the measurement of a grant whose end by the suspension is on record. Return whether it was started.

    The times are those of the request and of the last deny document (see `adapters.measurement_starts`).
    """
    start_by = suspension.since + MEASURED_WITHIN_SECONDS
    try:
        ports.measurement_starts.start(
            grant.id, since_milliseconds, written_at, suspension=suspension.id, start_by=start_by
        )
    except Problem as problem:  # the role denies nevertheless
        logger.warning("time to deny not measured", suspension=suspension.id, grant_id=grant.id, code=problem.code)
        return False
    return True
