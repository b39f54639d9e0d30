"""POST /v1/reviews/{id}/votes: a reviewer's vote from a terminal (row REV 17).

A vote passes the same checks as on the page: the second step, then `handlers.review.ballots.vote`. The function that
takes votes on the pages also serves this route. The token is the person's own, and is accepted for one vote.
"""

from typing import Any

from jitney.core.access.grant import Grant, State
from jitney.core.problems import Problem
from jitney.core.review.content import content_hash
from jitney.core.review.sheet import Sheet
from jitney.core.review.sheet_document import sheet_document
from jitney.core.review.vote_body import VoteBody, parse_vote
from jitney.core.times import iso
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.authentication import authenticate_reviewer, use_up
from jitney.handlers.caller.refusals import counting_unauthenticated
from jitney.handlers.pages.second_step import unconfirmed_sheet
from jitney.handlers.pages.viewers import reviewed_grant
from jitney.handlers.review.ballots import Ballot, comment_of, covered_by, vote
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports

VIA = "terminal"


def vote_from_terminal(request: Request, ports: Ports) -> Response:
    """200 with the state of the request after the vote. Raises the problems of `handlers.review.ballots.vote`.

    Raises Problem confirmation_required with the sheet of what would be granted, if an approval needs a second step and
    does not name the hash of that sheet. Nothing is written then, and the token is not used up. Raises Problem
    token_replayed for a token that voted before.
    """
    authenticated = authenticate_reviewer(request, ports)
    with authenticated.counting_refusals():
        grant = reviewed_grant(authenticated)
        given = parse_vote(request.body, ports.config.limits)
        ballot = _ballot(given, grant, authenticated)
    if covered := covered_by(ballot, ports):
        named = bool(given.confirmed)
        if sheet := unconfirmed_sheet(covered, given.confirmed, ports, always=named):
            fix = "Read what would be granted, and send the vote again with the `content` of `review` as `confirmed`."
            detail = "The approval could do harm, and what it grants was not confirmed. Nothing is granted yet."
            if named:
                detail = "What the approval grants has another hash than `confirmed`. Nothing is granted yet."
            raise Problem("confirmation_required", detail, fix, {"review": _unconfirmed(sheet, grant)})
    vote_once(authenticated)
    return Response(200, {"review": _voted(vote(ballot, ports, may_grant=covered is not None).at(authenticated.now))})


def _ballot(given: VoteBody, grant: Grant, authenticated: AuthenticatedRequest) -> Ballot:
    # If the request changed since the reviewer saw it, `vote` refuses the whole ballot.
    narrowing = given.narrowing(grant) if given.content == content_hash(grant) else None
    return Ballot(
        grant_id=grant.id,
        voter=authenticated.principal,
        verdict=given.verdict,
        content=given.content,
        comment=comment_of(given.verdict, given.comment),
        via=VIA,
        origin=authenticated.origin,
        narrowing=narrowing,
    )


def _unconfirmed(sheet: Sheet, before: Grant) -> dict[str, Any]:
    """Return the sheet of what would be granted, with the present state and votes of the request."""
    still = sheet._replace(state=str(State.PENDING), votes=before.votes, expires_at=before.expires_at)
    return sheet_document(still, compared=False)  # as the second step of the page


def vote_once(authenticated: AuthenticatedRequest) -> None:
    """Use up the caller's token. Raises Refusal token_replayed, which it counts, for a token that voted before."""
    with counting_unauthenticated(authenticated.request, authenticated.ports, authenticated.now):
        use_up(authenticated.caller, authenticated.ports, authenticated.now)


def _voted(grant: Grant) -> dict[str, Any]:
    """Return the state of the request after the vote.

    `approved` are the groups that approved, of the alternatives `any_of`.
    """
    return {
        "id": grant.id,
        "state": str(grant.state),
        "content": content_hash(grant),
        "any_of": [list(groups) for groups in grant.reviews],
        "approved": list(grant.approvals),
        "duration_seconds": grant.duration_seconds,
        "expires_at": iso(grant.expires_at),
        "decided": grant.state is not State.PENDING,
    }
