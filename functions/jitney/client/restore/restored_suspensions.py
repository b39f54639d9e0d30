"""The suspensions of a restored state table, for `jitney restore`.

A suspension that operators made after the restored moment is copied from the earlier state table or from the records.
Suspensions from records may be forged, and the table has room for a limited number. So they leave room for operators.

The restore suspends each target. No suspension can be lifted until every session and token from before has ended.
Otherwise they could be lifted by an operator who was suspended after the restored moment, or with a token that was used
after it.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from jitney.adapters.clock import new_id
from jitney.adapters.store import Store
from jitney.adapters.suspension_item import SuspensionStore
from jitney.core.access.deny_document import operators_share
from jitney.core.access.suspension_entry import Suspension, SuspensionKind
from jitney.core.access.suspensions import MAX_CHARACTERS, MOST_SUSPENSIONS, NO_SUSPENSIONS, Suspensions
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.problems import Problem
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, AuditRecord, Outcome

BY = "jitney.restore"
REASON = MaskedComment("the tables were restored to an earlier time")
LOCK_SECONDS = 75 * 60
"""Sessions last an hour, and so do tokens by default.

The other 15 minutes are for different clocks and for calls in flight.
"""
TOKEN_MARGIN_SECONDS = 60
"""How much the clocks of issuers may differ. A token is refused when it is that much older than its issuer permits."""


def lock_seconds(longest_token_seconds: int) -> int:
    """Return how long suspensions are locked. The argument is the greatest age of a token that an issuer permits."""
    return max(LOCK_SECONDS, longest_token_seconds + TOKEN_MARGIN_SECONDS)


class RestoredSuspensions:
    """Changes the suspensions of a restored table, each with its record. Methods raise what the adapters raise."""

    def __init__(self, dynamodb: Any, state_table: str, audit_table: str, lock_seconds: int) -> None:
        self._reader = SuspensionStore(dynamodb, state_table)
        self._store = Store(dynamodb, state_table, audit_table)
        self._lock_seconds = lock_seconds
        self.earlier: Suspensions = NO_SUSPENSIONS
        """The suspensions that were in force before the restore."""
        self.must_leave_room = False
        """Whether to leave room for operators. It is true if `earlier` comes from records."""

    def suspend_target(self, alias: str, role_arn: str, now: int) -> bool:
        """Suspend the target from `now` on. `role_arn` is its first role.

        A suspension that is in force keeps its id, operator and reason. It begins again, and is not complete. Raises
        StaleWrite if others change the suspensions meanwhile.
        """
        before = self._reader.current()
        known = _of_target(before, alias, role_arn) or self._from_before(alias, role_arn, before)
        known = known or Suspension(new_id("s"), SuspensionKind.TARGET, alias, now, BY, REASON)
        suspension = replace(known, since=now, role=role_arn, completed_at=None)
        listed = before if before.with_id(known.id) else before.with_new(suspension)
        self._write(before, _with(listed, suspension), suspension, REASON, now)
        return True

    def _from_before(self, alias: str, role_arn: str, present: Suspensions) -> Suspension | None:
        """Return the target's earlier suspension, unless an operator lifted it in the restored table."""
        found = _of_target(self.earlier, alias, role_arn)
        return found if found and present.with_id(found.id) is None else None

    def missing(self) -> list[Suspension]:
        """Return the earlier suspensions in force that the restored table does not have."""
        present, found = self._reader.current(), dict[tuple[str, str, str, str], Suspension]()
        for each in self.earlier.in_force:
            if not _knows(present, each):
                found.setdefault((each.kind, each.name, each.issuer, each.role), each)
        return [*found.values()]

    def unknown(self, suspensions: Iterable[Suspension]) -> list[Suspension]:
        """Return the suspensions whose ids the restored table does not have."""
        present = self._reader.current()
        return [each for each in suspensions if present.with_id(each.id) is None]

    def copy(self, suspension: Suspension, now: int) -> bool:
        """Add an earlier suspension. Return False if there is no room.

        It keeps its start, operator and reason, and its id unless another suspension has that. Raises StaleWrite as
        `suspend_target` does.
        """
        before = self._reader.current()
        if _knows(before, suspension):
            return True
        if self.must_leave_room and _is_nearly_full(before):
            return False
        suspension = replace(suspension, since=min(suspension.since, now))
        if before.with_id(suspension.id):
            suspension = replace(suspension, id=new_id("s"))
        try:
            after = before.with_new(suspension)
        except Problem:  # suspensions_full
            return False
        self._write(before, after, suspension, suspension.reason, now)
        return True

    def _write(self, before: Suspensions, after: Suspensions, changed: Suspension, reason: str, now: int) -> None:
        members: dict[str, Any] = {"target": changed.target, "reason": reason, "detail": changed.detail}
        record = AuditRecord(now, AuditEvent.SUSPENSION, Outcome.SET, principal=BY, **members)
        locked = after.locked_until(now + self._lock_seconds)
        self._store.change_suspensions(before, locked, audit.chain_record(record, new_id("r")), now=now)


def _knows(present: Suspensions, suspension: Suspension) -> bool:
    """Return whether the table has or had this suspension.

    An equal id alone is not enough, because a record may be forged.
    """
    same = present.with_id(suspension.id)
    known = same is not None and same.detail == suspension.detail
    return known or present.of(suspension.kind, suspension.name, suspension.issuer, suspension.role) is not None


def _of_target(suspensions: Suspensions, alias: str, role_arn: str) -> Suspension | None:
    """Return the suspension in force of the target with this alias and first role. A record does not say the role."""
    found = suspensions.of(SuspensionKind.TARGET, alias)
    unknown = found is not None and not found.role
    return found if unknown else suspensions.of(SuspensionKind.TARGET, alias, role=role_arn)


def _is_nearly_full(present: Suspensions) -> bool:
    """Return whether only the room reserved for operators is left, which suspensions from records do not use."""
    most, characters = (each - operators_share(each) for each in (MOST_SUSPENSIONS, MAX_CHARACTERS))
    return len(present.entries) >= most or len(present.text()) > characters


def _with(suspensions: Suspensions, changed: Suspension) -> Suspensions:
    """Return the suspensions with `changed`. It begins later than before, so it denies later sessions, too."""
    return suspensions._replace(
        entries=tuple(changed if each.id == changed.id else each for each in suspensions.entries)
    )
