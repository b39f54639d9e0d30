"""The state of a stored grant, checked against the rest of what is stored."""

from dataclasses import replace

from jitney.core.access.grant import OPEN_STATES, Grant, State, VoteVerdict
from jitney.core.times import are_times


def with_derived_state(grant: Grant) -> Grant:
    """Return the grant in the state that its end, votes and times support.

    The stored `state` can end a grant but not open it. Many functions may write the state, and few may write the rest
    (`adapters.grant_items`). Only a vote or an allowed request gives a grant its start. A rejection stays among the
    votes, and `used_at` stays set after the grant's call was sent. An unsupported end counts as a failure. Issued
    credentials can still be revoked after a failure. Raises ValueError for a time that no calendar has.
    """
    ending, follow_up = grant.ending, grant.follow_up
    ends = (ending.at, ending.written_at) if ending else ()
    if not are_times(grant.cut_off_at, grant.used_at, *ends, follow_up.at if follow_up else None):
        raise ValueError("a time that no calendar has")
    if grant.ending:
        state = grant.ending.state
    elif grant.used_at is not None:
        state = State.USED
    elif any(vote.verdict is VoteVerdict.REJECT for vote in grant.votes):
        state = State.REJECTED
    elif grant.state in OPEN_STATES:
        state = State.PENDING if grant.starts_at is None else State.ACTIVE
    else:
        state = State.EXPIRED if grant.state is State.EXPIRED else State.FAILED
    return grant if state is grant.state else replace(grant, state=state)
