"""The record of an expiry."""

from jitney.core.access.grant import Grant, State
from jitney.core.access.grant_effects import end_detail
from jitney.core.access.suspensions import Suspensions
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Origin, Outcome
from jitney.handlers.grant.grant_updates import GrantUpdate, update_grant
from jitney.handlers.runtime.ports import Ports


def record_expiry(grant: Grant, suspensions: Suspensions, ports: Ports) -> Grant:
    """Return the current grant, and record its expiry unless that is on record.

    A grant that a suspension ended has not expired. The reconciler records the suspension's end, perhaps much later. An
    expiry would hide that end, and earlier approvals would count again (REV 11).

    Raises Problem grant_conflict, unavailable.
    """
    now = ports.now()

    def change(before: Grant) -> GrantUpdate | None:
        expired = before.at(now)
        if before.state is State.EXPIRED or expired.state is not State.EXPIRED or suspensions.ending(before):
            return None
        detail = end_detail(expired, ports.actions)
        record = audit.grant_record(AuditEvent.EXPIRY, Outcome.EXPIRED, expired, Origin(), now, detail=detail)
        return GrantUpdate(expired, record)

    return update_grant(grant, change, ports)
