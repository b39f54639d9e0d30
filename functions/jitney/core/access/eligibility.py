"""Eligibility to fetch credentials: only an active grant is eligible.

The problem says why another grant is not (row STS 7).
"""

from collections.abc import Mapping

from jitney.core.access.ended_fixes import ENDED_FIXES
from jitney.core.access.grant import OPEN_STATES, Grant, State, Vote, VoteVerdict
from jitney.core.access.request import Way
from jitney.core.access.reviewed_call import call_id_of
from jitney.core.problems import Problem
from jitney.core.times import iso

_ENDED_STATES = frozenset({State.EXPIRED, State.FAILED, State.USED})
"""The states with the code grant_ended. Each other state has a code of its own."""
_DETAILS: Mapping[State, str] = {
    State.PENDING: "{it} is under review until {end}.",
    State.EXPIRED: "{it} ended at {end}.",
    State.FAILED: "{it} failed: it could not be reviewed or issued, or policy denied it.",
    State.USED: "{it} was sent. Its approval covered it only once.",
}
_PENDING_FIX = "Wait for the reviewers; try again after the seconds in Retry-After."
_AGAIN = "Make the call with a new Idempotency-Key."
_ENDED_CALL: Mapping[State, str] = {
    State.REJECTED: "Do what the reviewer says, or talk to {who}. {again} Say in `changed` what is different.",
    State.EXPIRED: "{again} It is then reviewed again.",
    State.RELEASED: "{again} It is then reviewed again.",
    State.REVOKED: "Talk to {who} before you make the call again.",
    State.FAILED: "{again} If it fails too, ask your platform engineer.",
}
"""The fixes for the grant of one reviewed call, where they differ. The grant in which the call is made continues."""


def require_active_grant(grant: Grant, now: int) -> Grant:
    """Return the grant at `now` if its credentials may be issued. Raises a Problem that says why not (STS 7)."""
    current = grant.at(now)
    if current.state is State.ACTIVE:
        return current
    it, state = f"Grant {grant.id}", str(current.state)
    code = "grant_ended" if current.state in _ENDED_STATES else f"grant_{state}"
    fix = ENDED_FIXES.get(state, _PENDING_FIX)
    if current.call:
        fix = _ENDED_CALL.get(current.state, fix)
        it = f"Call {call_id_of(grant.id)}"
        state = "withdrawn" if current.state is State.RELEASED else state
    headers = {"Retry-After": "5"} if current.state is State.PENDING else {}
    detail = _DETAILS.get(current.state, "{it} was {state}{by}.")
    rejecting = next((vote for vote in current.votes if vote.verdict is VoteVerdict.REJECT), None)
    by = _ended_by(current, rejecting)
    detail = detail.format(it=it, state=state, end=iso(grant.expires_at), by=by)
    decider = current.ending.by if current.ending else rejecting.human.name if rejecting else "the reviewers"
    raise Problem(code, detail, fix.format(who=decider, again=_AGAIN), {"grant": current.view()}, headers)


def require_credentials_grant(grant: Grant, now: int) -> None:
    """Raise Problem gateway_grant for an open grant whose credentials never leave the broker.

    For an ended grant, `require_active_grant` says what to do, for both ways (STS 7).
    """
    if grant.way is not Way.GATEWAY or grant.at(now).state not in OPEN_STATES:
        return
    detail = f"Grant {grant.id} is for calls through the gateway, so it has no credentials."
    fix = (
        f'Send each call to POST /v1/calls with "grant": "{grant.id}", or run `jitney run --gateway --grant '
        f"{grant.id} -- COMMAND`. For credentials, request a grant with way credentials."
    )
    if grant.call:
        fix = "It covers one reviewed call. To make that call, repeat its POST with the same Idempotency-Key."
    raise Problem("gateway_grant", detail, fix, {"grant": grant.view()})


def _ended_by(grant: Grant, rejecting: Vote | None) -> str:
    """Return who ended the grant, and the reason of the revocation or the comment of the rejection."""
    if grant.state is State.REVOKED and grant.ending:
        return f" by {grant.ending.by}: {grant.ending.reason.rstrip('.')}"
    if grant.state is State.REJECTED and rejecting:
        return f" by {rejecting.human}: {rejecting.comment.rstrip('.') or 'no comment'}"
    return ""
