"""What a review waits for next; its end when its time is over. Called by the approval workflow between its waits."""

from collections.abc import Mapping
from typing import Any

from jitney.core.access.grant import State
from jitney.core.review.schedule import checked_at, due, is_waiting
from jitney.handlers.edge import event_handler
from jitney.handlers.grant_expiry import record_expiry
from jitney.handlers.ports import Ports

DECIDED = "decided"
NOTHING = "nothing"


def check_schedule(event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
    """What is due in the review of a grant: a notice, "nothing" yet, or "decided" when it is no longer pending.

    `event` is {"grant_id": ..., "since": the moment of the last look, 0 at the first}. The answer has the same members,
    and in how many seconds to look again at the latest. Raises LookupError for an unknown grant, and Problem; the
    workflow tries again, then the review fails.
    """
    grant = ports.store.grant(event["grant_id"])
    if grant is None:
        raise LookupError("no such grant")
    if grant.state is State.PENDING:
        grant = record_expiry(grant, ports)
    now = ports.now()
    told: dict[str, Any] = {"grant_id": grant.id, "state": str(grant.state), "since": checked_at(grant, now)}
    if not is_waiting(grant, now):
        return told | {"due": DECIDED, "wait_seconds": 0}
    step = due(grant, ports.config.reviewers, event["since"], now)
    return told | {"due": str(step.notice or NOTHING), "wait_seconds": step.wait_seconds}


handler = event_handler(check_schedule, ("config", "store"))
