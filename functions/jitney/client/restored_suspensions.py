"""The suspensions of a restored state table, for `jitney restore`.

A suspension that operators made after the restored moment is taken over, from the earlier state table or from the
records. The restore suspends each target. No suspension can be lifted until every session and token from before has
ended. Otherwise an operator who was suspended after the moment, or a token that was used after it, could lift them.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from jitney.adapters.clock import new_id
from jitney.adapters.store import Store
from jitney.adapters.suspension_item import SuspensionStore
from jitney.core import audit
from jitney.core.access.suspensions import NO_SUSPENSIONS, Suspension, SuspensionKind, Suspensions
from jitney.core.audit import AuditEvent, AuditRecord, Outcome

BY = "jitney.restore"
REASON = "the tables were restored to an earlier time"
LOCK_SECONDS = 75 * 60
"""Sessions last an hour, and by default tokens do, too. The rest is for clocks and for calls in flight."""
TOKEN_MARGIN_SECONDS = 60
"""Clocks differ by this time at most. A token is refused when it is that much older than its issuer permits."""


def lock_seconds(longest_token_seconds: int) -> int:
    """Return how long suspensions are locked, if the oldest token that an issuer permits has this age."""
    return max(LOCK_SECONDS, longest_token_seconds + TOKEN_MARGIN_SECONDS)


class RestoredSuspensions:
    """Changes the suspensions of a restored table, each with its record. Methods raise what the adapters raise."""

    def __init__(self, dynamodb: Any, state_table: str, audit_table: str, lock_seconds: int) -> None:
        self._reader = SuspensionStore(dynamodb, state_table)
        self._store = Store(dynamodb, state_table, audit_table)
        self._lock_seconds = lock_seconds
        self.earlier: Suspensions = NO_SUSPENSIONS
        """The suspensions that were in force before the restore."""

    def suspend_target(self, alias: str, role_arn: str, now: int) -> None:
        """Begin the suspension of the target with this first role at `now`.

        A suspension that is in force keeps its id, operator and reason, and is no longer complete. Raises StaleWrite
        if others change the suspensions meanwhile.
        """
        before = self._reader.current()
        known = before.of(SuspensionKind.TARGET, alias) or self._from_before(alias, before)
        known = known or Suspension(new_id("s"), SuspensionKind.TARGET, alias, now, BY, REASON)
        listed = before if before.with_id(known.id) else before.with_new(known)
        suspension = replace(known, since=now, role=role_arn, completed_at=None)
        self._write(before, _with(listed, suspension), suspension, REASON, now)

    def _from_before(self, alias: str, present: Suspensions) -> Suspension | None:
        """Return the target's suspension from before, unless an operator lifted it in the restored table."""
        found = self.earlier.of(SuspensionKind.TARGET, alias)
        return found if found and present.with_id(found.id) is None else None

    def missing(self) -> Iterator[Suspension]:
        """Yield the suspensions in force from before that the restored table does not know."""
        present = self._reader.current()
        for each in self.earlier.in_force:
            if present.with_id(each.id) is None and present.of(each.kind, each.name) is None:
                yield each

    def take_over(self, suspension: Suspension, now: int) -> None:
        """Add a suspension from before, as it was. Raises StaleWrite as `suspend_target` does."""
        before = self._reader.current()
        if before.with_id(suspension.id) is None and before.of(suspension.kind, suspension.name) is None:
            self._write(before, before.with_new(suspension), suspension, suspension.reason, now)

    def _write(self, before: Suspensions, after: Suspensions, changed: Suspension, reason: str, now: int) -> None:
        detail = {"suspension": changed.id, "kind": str(changed.kind), "name": changed.name}
        target = changed.name if changed.kind is SuspensionKind.TARGET else ""
        record = AuditRecord(
            now, AuditEvent.SUSPENSION, Outcome.SET, principal=BY, target=target, reason=reason, detail=detail
        )
        locked = after.locked_until(now + self._lock_seconds)
        self._store.change_suspensions(before, locked, audit.chain_record(record, new_id("r")), now=now)


def _with(suspensions: Suspensions, changed: Suspension) -> Suspensions:
    """Return the suspensions with one that begins later, and thus denies later sessions, too."""
    return suspensions._replace(
        entries=tuple(changed if each.id == changed.id else each for each in suspensions.entries)
    )
