"""Returns what is due in a review, and ends the review after its time.

The approval workflow calls it between its waits.
"""

from collections.abc import Mapping
from typing import Any

from jitney.core.access.grant import State
from jitney.core.review.schedule import ScheduleCheck, due, is_waiting
from jitney.handlers.ending.grant_expiry import record_expiry
from jitney.handlers.runtime.edge import event_handler
from jitney.handlers.runtime.ports import Ports

DECIDED = "decided"
NOTHING = "nothing"


def check_schedule(event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
    """Return what is due in a grant's review: a notice, "nothing", or "decided" if it is not pending.

    `event` is {"grant_id": ..., "since": the last check, 0 at first}. The result has the members of
    `event`, and the seconds until the next check. Raises LookupError for an unknown grant, and Problem. The workflow
    retries. If the retries fail, the review fails.
    """
    grant = ports.store.grant(event["grant_id"])
    if grant is None:
        raise LookupError("no such grant")
    if grant.state is State.PENDING:
        grant = record_expiry(grant, ports.suspensions.current(), ports)
    since, now = ScheduleCheck.read(event["since"]), ports.now()
    check = since.next(grant, now)._asdict()
    result: dict[str, Any] = {"grant_id": grant.id, "state": str(grant.state), "since": check}
    if not is_waiting(grant, now):
        return result | {"due": DECIDED, "wait_seconds": 0}
    step = due(grant, ports.config.reviewers, since, now)
    return result | {"due": str(step.notice or NOTHING), "wait_seconds": step.wait_seconds}


handler = event_handler(check_schedule, ("config", "store", "suspensions"))
