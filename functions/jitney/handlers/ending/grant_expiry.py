"""The record of an expiry."""

from jitney.core.access.grant import Grant, State
from jitney.core.access.grant_effects import end_detail
from jitney.core.access.suspensions import Suspensions
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Origin, Outcome
from jitney.handlers.ending.earlier_ends import has_earlier_end
from jitney.handlers.grant.grant_updates import GrantUpdate, update_grant
from jitney.handlers.runtime.ports import Ports


def record_expiry(grant: Grant, suspensions: Suspensions, ports: Ports) -> Grant:
    """Return the current grant, and record its expiry unless that is on record.

    A grant that a suspension ended has not expired, and neither has a call whose grant has ended (`has_earlier_end`).
    An expiry would hide that end. After a suspension, earlier approvals would count again (REV 11).

    Raises Problem grant_conflict, unavailable.
    """
    now = ports.now()

    def change(before: Grant) -> GrantUpdate | None:
        expired = before.at(now)
        if before.state is State.EXPIRED or expired.state is not State.EXPIRED:
            return None
        if has_earlier_end(before, suspensions, ports):
            return None
        detail = end_detail(expired, ports.actions)
        record = audit.grant_record(AuditEvent.EXPIRY, Outcome.EXPIRED, expired, Origin(), now, detail=detail)
        return GrantUpdate(expired, record)

    return update_grant(grant, change, ports)
