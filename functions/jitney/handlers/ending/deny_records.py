"""Records of deny entries: whether and when IAM accepted the denial of an ended grant (END 1).

The record of a release or revocation says that the end was requested. The next record says when IAM accepted the deny
entry, or that IAM did not accept it.
"""

from collections.abc import Callable
from dataclasses import replace

from jitney.core.access.deny_document import DenyEntry
from jitney.core.access.grant import Grant
from jitney.core.problems import Problem
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, Origin, Outcome
from jitney.core.times import iso
from jitney.handlers.grant.grant_updates import GrantUpdate, update_grant
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.ports import Ports


def record_unwritten(grant: Grant, entry: DenyEntry, problem: Problem, origin: Origin, ports: Ports) -> Grant:
    """Record that IAM did not accept the deny entry. The reconciler records when IAM accepts it. Return the grant."""

    def change(before: Grant) -> GrantUpdate:
        record = audit.grant_record(
            AuditEvent.DENY_ENTRY, Outcome.FAILED, before, origin, ports.now(), code=problem.code
        )
        return GrantUpdate(before, record, entry._replace(unwritten=True))

    return _recorded(grant, change, ports)


def record_written(grant: Grant, entry: DenyEntry, origin: Origin, ports: Ports) -> Grant:
    """Record that IAM has the deny entry, unless that is on record. Return the grant.

    The entry gets the members that the grant knows, because it may have been unreadable.
    """

    def change(before: Grant) -> GrantUpdate | None:
        if before.ending is None:
            return None
        now = ports.now()
        written_at = before.ending.written_at or now
        after = replace(before, ending=replace(before.ending, written_at=written_at))
        detail = {"written_at": iso(written_at)}
        record = audit.grant_record(AuditEvent.DENY_ENTRY, Outcome.SET, after, origin, now, detail=detail)
        written = entry._replace(ended_at=before.ending.at, unit=before.unit, unwritten=False)
        return GrantUpdate(after, record, written)

    return _recorded(grant, change, ports)


def _recorded(grant: Grant, change: Callable[[Grant], GrantUpdate | None], ports: Ports) -> Grant:
    """Return the grant after the update. A failure is logged: the end and the denial do not depend on this record."""
    try:
        return update_grant(grant, change, ports)
    except Problem as problem:
        logger.warning("deny entry not recorded", grant_id=grant.id, code=problem.code)
        return grant
