"""The approval of a grant that has ended. It may count until a person revokes it. Pure.

The approval of an ended grant may count for later requests. That of a call may count for a repeat, if AWS did not run
the call.
"""

from dataclasses import replace

from jitney.core.access.earlier_approvals import HISTORY_SECONDS
from jitney.core.access.grant import Grant, GrantEnd, State


def approval_counts(grant: Grant, now: int) -> bool:
    """Return whether the grant has ended, and its approval may count for later requests at `now` (epoch seconds)."""
    ended = grant.counts_again and grant.at(now).state in (State.EXPIRED, State.RELEASED)
    return ended and grant.starts_at is not None and now < grant.starts_at + HISTORY_SECONDS


def may_be_repeated(grant: Grant, now: int) -> bool:
    """Return whether the call of the grant was sent, and its approval covers a repeat at `now` if AWS did not run it.

    The grant does not say whether AWS ran the call.
    """
    return grant.state is State.USED and now < grant.expires_at


def ends_approvals(grant: Grant) -> bool:
    """Return whether a revocation of the grant ends the agent's earlier approvals on its target.

    So it is if the approval counts again, or would, or if earlier approvals allowed the grant.
    """
    return grant.counts_again or grant.this_time_only or bool(grant.earlier_approvals)


def with_revoked_approval(grant: Grant, ending: GrantEnd) -> Grant:
    """Return the ended grant as revoked, so that its approval counts no more. Any other grant does not change."""
    counts = approval_counts(grant, ending.at) or may_be_repeated(grant, ending.at)
    return replace(grant, state=State.REVOKED, ending=ending) if counts else grant
