"""The credentials of an ended grant that may be outside Jitney, and the deny entry that they need (row END 6). Pure.

Without such credentials, the end needs no deny entry, and the deny document has more room for other grants.
"""

from enum import StrEnum

from jitney.core.access.credentials import CALL_SECONDS
from jitney.core.access.deny_document import CLOCK_SKEW_SECONDS, IN_FLIGHT_SECONDS, DenyEntry
from jitney.core.access.grant import Grant, State
from jitney.core.access.request import Way

FASTEST_DENIAL_SECONDS = 2
"""The shortest time from a release until a deny document is in force.

IAM's changes take seconds to reach every Region, and IAM's clock has a resolution of a second. A grant with less time
left ends first, and needs no entry. A longer time would save more entries, but would be wrong if IAM applies a change
fast.
"""
_TICKETED = ("s3", "*")
"""The beginnings of granted actions that may permit a ticket (`core.gateway.tickets`), in lower case."""


class NoDenial(StrEnum):
    """Why the end of a grant needs no deny entry."""

    NOT_ISSUED = "not_issued"
    IN_BROKER = "in_broker"
    ENDS_FIRST = "ends_first"


def denial_of(ended: Grant, *, by_operator: bool = False) -> DenyEntry | NoDenial:
    """Return the deny entry of a released or revoked grant, or why it needs none.

    An entry depends only on the stored grant, so a repeated call returns the same. `by_operator` is described in
    `DenyEntry`. The entry of a revocation is unwritten until a record says that IAM has it. Raises ValueError for a
    grant without an ending.
    """
    if ended.ending is None:
        raise ValueError("only a released or revoked grant needs a denial")
    at, revoked = ended.ending.at, ended.state is State.REVOKED
    until = usable_until(ended, at)
    if isinstance(until, NoDenial):
        return until
    if not revoked and until - at < FASTEST_DENIAL_SECONDS:
        return NoDenial.ENDS_FIRST
    return DenyEntry(ended.id, at, until + CLOCK_SKEW_SECONDS, ended.unit, by_operator, revoked)


def needs_denial(ended: Grant, now: int) -> bool:
    """Return whether the deny document has to deny a released or revoked grant at `now`."""
    entry = denial_of(ended)
    return isinstance(entry, DenyEntry) and now < entry.until - CLOCK_SKEW_SECONDS


def usable_until(grant: Grant, ended_at: int) -> int | NoDenial:
    """Return when credentials outside Jitney expire, for a grant that ended at `ended_at`.

    The keys of a gateway grant never leave the broker, and each call reads the grant first. But the agent may hold a
    ticket, a signed request, for at most `CALL_SECONDS`. A ticket may be issued while the grant is being ended.
    """
    if not grant.may_have_credentials(ended_at):
        return NoDenial.NOT_ISSUED
    if grant.way is Way.CREDENTIALS:
        return grant.expires_at
    if not may_have_tickets(grant):
        return NoDenial.IN_BROKER
    return min(grant.expires_at, ended_at + IN_FLIGHT_SECONDS + CALL_SECONDS)


def may_have_tickets(grant: Grant) -> bool:
    """Return whether tickets may have been issued for a gateway grant: each ticket needs an action of S3 in the grant.

    The permissions of a grant never grow. So no record of tickets is needed, and no concurrent request can make the
    answer wrong.
    """
    return any(name.lower().startswith(_TICKETED) for each in grant.permissions for name in each.actions)
