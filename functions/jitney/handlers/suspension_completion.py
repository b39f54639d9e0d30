"""Records that everything that a suspension covers has ended (END 8). Documents deny it, and ends are on record.

The operator's call does this if it is complete. Otherwise, the reconciler does it later.
"""

from collections.abc import Collection
from typing import Any

from jitney.core import audit
from jitney.core.access.suspensions import Suspension
from jitney.core.audit import AuditEvent, AuditRecord, Outcome
from jitney.core.problems import Problem
from jitney.handlers.grant_updates import write_until_current
from jitney.handlers.ports import Ports


def suspension_detail(suspension: Suspension) -> dict[str, Any]:
    """Return what every record of a suspension has in its detail."""
    return {"suspension": suspension.id, "kind": str(suspension.kind), "name": suspension.name}


def suspension_conflict() -> Problem:
    """Return the problem of a call during which other suspensions kept changing."""
    return Problem("suspension_conflict", "Other suspensions kept changing during this call.", "Repeat the call.")


def complete_suspension(suspension: Suspension, record: AuditRecord, ports: Ports) -> Suspension:
    """Write that the suspension is complete, with its record, unless that is written. Return it.

    Raises Problem suspension_conflict.
    """

    def attempt() -> Suspension:
        before = ports.suspensions.current()
        current = before.with_id(suspension.id)
        if current is None or current.completed_at is not None:
            return current or suspension
        now = ports.now()
        after = before.with_completed(current, now)
        ports.store.change_suspensions(before, after, audit.chain_record(record, ports.new_id("r")), now=now)
        return after.with_id(current.id) or current

    return write_until_current(attempt, suspension_conflict, ports)


def complete_suspensions(failed: Collection[str], ports: Ports) -> dict[str, int]:
    """Complete the suspensions whose targets all denied and ended in this run of the reconciler.

    `failed` has the aliases of targets, and the ARNs of roles that targets had before, which failed. Returns the count.
    """
    now, completed = ports.now(), 0
    for suspension in ports.suspensions.current().incomplete_at(now):
        targets = suspension.concerned(ports.config.targets.values())
        if any(name in failed for each in targets for name in (each.alias, *each.all_role_arns)):
            continue
        record = AuditRecord(
            time=now,
            event=AuditEvent.SUSPENSION,
            outcome=Outcome.REVOKED,
            detail=suspension_detail(suspension)
            | {"complete": True, "targets_denied": [each.alias for each in targets], "by": "reconciler"},
        )
        complete_suspension(suspension, record, ports)
        completed += 1
    return {"completed": completed}
