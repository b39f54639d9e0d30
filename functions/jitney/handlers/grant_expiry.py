"""The record of an end that came by itself."""

from jitney.core import audit
from jitney.core.access.grant import Grant, State
from jitney.core.audit import AuditEvent, Origin, Outcome
from jitney.handlers.grant_updates import GrantUpdate, update_grant
from jitney.handlers.ports import Ports


def record_expiry(grant: Grant, ports: Ports) -> Grant:
    """The grant as it stands now; if its time is over and nothing says so yet, that is recorded.

    Raises Problem grant_conflict, unavailable.
    """
    now = ports.now()

    def step(before: Grant) -> GrantUpdate | None:
        expired = before.at(now)
        if before.state is State.EXPIRED or expired.state is not State.EXPIRED:
            return None
        return GrantUpdate(expired, audit.grant_record(AuditEvent.EXPIRY, Outcome.EXPIRED, expired, Origin(), now))

    return update_grant(grant, step, ports)
