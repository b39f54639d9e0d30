"""Optimistic writes: read, decide, and write with the record. A stale write starts over.

The decision is a pure function that returns a grant and its record, so no grant changes without a record. Credentials
are issued for a `RecordedGrant` only, and only this module makes one.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, NewType, TypeVar

from jitney.adapters.transactions import StaleWrite, TakenNumber
from jitney.core.access.deny_document import DenyEntry
from jitney.core.access.grant import Grant
from jitney.core.access.grant_list import GrantListUpdate
from jitney.core.access.id_ranges import is_fresh
from jitney.core.problems import Problem
from jitney.core.quotas import Quota, SingleUseKey
from jitney.core.records import audit
from jitney.core.records.audit import AuditRecord
from jitney.handlers.runtime.logs import about_grant, note_grant
from jitney.handlers.runtime.ports import Ports


class Turn(NamedTuple):
    """How long a write waits while other calls change the same items, and the longest pause between its attempts."""

    seconds: float
    longest_pause_seconds: float


URGENT = Turn(2.5, 0.1)
"""For votes, because Slack waits only 3 s, and for ends of grants, so that an agent's own calls do not delay them."""
PATIENT = Turn(10, 1)
"""For calls that an agent makes at the same time. All of them succeed. The function has 15 s, including the STS call.
"""
SHORTEST_PAUSE_SECONDS = 0.02

RecordedGrant = NewType("RecordedGrant", Grant)
"""A grant whose newest record is in the store (STS 6). The record is about its creation or an issue of credentials."""

Written = TypeVar("Written")


class GrantUpdate(NamedTuple):
    """The changed grant, the items written with it, and the quotas that the write uses."""

    grant: Grant
    record: AuditRecord
    deny_entry: DenyEntry | None = None
    quotas: tuple[Quota, ...] = ()


def write_until_current(
    attempt: Callable[[], Written], conflict: Callable[[], Problem], ports: Ports, turn: Turn = URGENT
) -> Written:
    """Return the result of `attempt`. Repeats a stale write after a random pause, whose limit grows.

    So calls that write the same items wait for each other, in no fixed order. Raises the problem of `conflict` when
    `turn` is over.
    """
    started, pause = ports.stopwatch(), SHORTEST_PAUSE_SECONDS
    while True:
        try:
            return attempt()
        except StaleWrite:
            if ports.stopwatch() - started >= turn.seconds * 1000:
                raise conflict() from None
        ports.pause_up_to(pause)
        pause = min(2 * pause, turn.longest_pause_seconds)


def _conflict() -> Problem:
    return Problem("grant_conflict", "The grant kept changing during this call.", "Repeat the call.")


def update_grant(
    grant: Grant,
    change: Callable[[Grant], GrantUpdate | None],
    ports: Ports,
    conflict: Callable[[], Problem] = _conflict,
    turn: Turn = URGENT,
) -> Grant:
    """Write the update that `change` returns for the grant. If the grant changed, decide again.

    Returns the current grant. Nothing is written when `change` returns None. Raises Problem grant_conflict,
    unavailable, or what `change` raises, and Conflict when a quota of the update is used up.

    If a compromised function put an item under the next number of a record, a later number is used. That function
    cannot know which. Otherwise no one could revoke the grant. Verification reports the numbers in between.
    """
    read: Grant | None = grant
    skipped = dict[int, int]()  # by the number of records that the grant had

    def attempt() -> Grant:
        nonlocal read
        before, read = read or _current(grant, ports), None
        if before is None:
            raise conflict()
        update = change(before)
        if update is None:
            return before
        record = audit.next_chained_record(update.record, before, skipped.get(before.records, 0))
        after = audit.with_chain_head(update.grant, record)
        try:
            ports.store.save(before, after, record, update.quotas, deny_entry=update.deny_entry, now=ports.now())
        except TakenNumber:
            present = skipped.get(before.records, 0)
            skipped[before.records] = 2 * present + 1 + ports.random_below(present + 1)
            raise
        return after

    with about_grant(grant.id):
        return write_until_current(attempt, conflict, ports, turn)


def _current(grant: Grant, ports: Ports) -> Grant | None:
    """Return the grant as it is now. Of an unreadable grant that is being ended, return the part that this needs."""
    try:
        return ports.store.grant(grant.id)
    except Problem as problem:
        if problem.code != "grant_unreadable" or grant.permissions:
            raise
    return ports.store.unreadable_grant(grant.id)


def record_update(grant: Grant, change: Callable[[Grant], GrantUpdate], ports: Ports, turn: Turn) -> RecordedGrant:
    """Return the grant after an update that is always recorded. Raises the same as `update_grant`."""
    return RecordedGrant(update_grant(grant, change, ports, turn=turn))


def write_new_grant(
    grant: Grant,
    record: AuditRecord,
    keys: Sequence[SingleUseKey | Quota],
    lists: Sequence[GrantListUpdate],
    ports: Ports,
    now: int,
) -> RecordedGrant:
    """Write a new grant with its first record, single-use keys and lists.

    Raises Conflict for a used key and StaleWrite for a list that changed. Also raises StaleWrite for an old id, because
    a range of ids in a deny document could deny the grant (END 2).
    """
    if not is_fresh(grant.id, ports.now()):
        raise StaleWrite
    note_grant(grant.id)
    first = audit.next_chained_record(record, grant)
    created = audit.with_chain_head(grant, first)
    ports.store.create_grant(created, first, keys, lists=lists, now=now)
    return RecordedGrant(created)
