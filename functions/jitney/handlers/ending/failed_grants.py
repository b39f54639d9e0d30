"""The end of a request whose review cannot continue."""

from jitney.core.access.grant import Grant, State
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Origin, Outcome
from jitney.handlers.ending.earlier_ends import has_earlier_end
from jitney.handlers.ending.grant_expiry import record_expiry
from jitney.handlers.grant.grant_updates import GrantUpdate, update_grant
from jitney.handlers.runtime.ports import Ports


def fail_review(grant: Grant, code: str, error: str, ports: Ports) -> Grant:
    """Fail a pending grant and record why, or expire it if its time is over. Return the current grant.

    A grant that has ended in another way does not fail (`record_expiry`).

    Raises Problem grant_conflict, unavailable.
    """
    suspensions, now = ports.suspensions.current(), ports.now()

    def change(before: Grant) -> GrantUpdate | None:
        if before.at(now).state is not State.PENDING or has_earlier_end(before, suspensions, ports):
            return None
        failed = before.move(State.FAILED)
        record = audit.grant_record(
            AuditEvent.REVIEW, Outcome.FAILED, failed, Origin(), now, code=code, detail={"error": error}
        )
        return GrantUpdate(failed, record)

    failed = update_grant(grant, change, ports)
    return record_expiry(failed, suspensions, ports) if failed.state is State.PENDING else failed
