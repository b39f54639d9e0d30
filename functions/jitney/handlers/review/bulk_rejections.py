"""POST /reviews/rejections and /v1/reviews/rejections: reject many requests of one agent or unit at once (row REV 18).

Each request passes `handlers.review.ballots.vote`, as a single rejection does, with its checks, its record and its
workflow. The only verdict here is the rejection.
"""

from typing import Any, NamedTuple

from jitney.core.access.grant import Grant, VoteVerdict
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent
from jitney.core.review.bulk_rejection import (
    BulkRejection,
    RequestOwner,
    SeenRequest,
    parse_rejection,
    rejection_in_form,
)
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.authentication import authenticate_reviewer
from jitney.handlers.pages.visits import FormVisit, Page
from jitney.handlers.review.ballots import Ballot, comment_of, vote
from jitney.handlers.review.terminal_votes import VIA, vote_once
from jitney.handlers.runtime.edge import errors_as_problems
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.logs import about_grant, logger
from jitney.handlers.runtime.ports import Ports

MOST_MILLISECONDS = 8000
"""The time after which a call begins no further rejection. The last one may take 4 s. The function has 15 s."""


class BulkResult(NamedTuple):
    """The ids of the requests that are rejected after the call.

    `not_rejected` has the id and the problem of each other request.
    """

    owner: RequestOwner
    rejected: list[str]
    not_rejected: list[dict[str, Any]]


def reject_many(visit: FormVisit) -> Page:
    """Reject the form's requests, and return 200 with each result. A repeated form changes nothing more.

    Raises Problem request_invalid, and rejects nothing, for a form whose fields are not those of the page.
    """
    began = visit.ports.stopwatch()
    with visit.authenticated.counting_refusals():
        given = rejection_in_form(visit.fields)
    return Page(200, "bulk_rejected", _reject_each(given, visit.authenticated, "web", began)._asdict())


def reject_many_from_terminal(request: Request, ports: Ports) -> Response:
    """200 with each result. Raises Problem request_invalid, and token_replayed for a token that voted before.

    The call uses up the token, even if it rejected no request.
    """
    began = ports.stopwatch()
    authenticated = authenticate_reviewer(request, ports)
    with authenticated.counting_refusals():
        given = parse_rejection(request.body, ports.config.limits)
    vote_once(authenticated)
    result = _reject_each(given, authenticated, VIA, began)
    return Response(200, {"rejected": result.rejected, "not_rejected": result.not_rejected})


def _reject_each(given: BulkRejection, authenticated: AuthenticatedRequest, via: str, began: int) -> BulkResult:
    result = BulkResult(given.owner, [], [])
    known = authenticated.ports.store.readable_grants(each.grant_id for each in given.requests)
    for seen in given.requests:
        if authenticated.ports.stopwatch() - began > MOST_MILLISECONDS:
            # Not logged as unavailable: an agent can cause it with a flood of requests.
            problem: Problem | None = _out_of_time()
        else:
            problem = _reject(seen, known.get(seen.grant_id), given, authenticated, via)
        if problem:
            said = {"code": problem.code, "detail": problem.detail, "fix": problem.fix}
            result.not_rejected.append({"id": seen.grant_id, **UNTAGGED.data(said)})
        else:
            result.rejected.append(seen.grant_id)
    return result


def _reject(
    seen: SeenRequest, grant: Grant | None, given: BulkRejection, authenticated: AuthenticatedRequest, via: str
) -> Problem | None:
    """Reject one request. Return the problem that prevented it, which is logged and stops no other rejection."""
    with about_grant(seen.grant_id):
        problem = errors_as_problems(lambda: _vote(seen, grant, given, authenticated, via), lambda problem: problem)
        if problem:
            logger.info("not rejected", code=problem.code)
    return problem


def _vote(
    seen: SeenRequest, grant: Grant | None, given: BulkRejection, authenticated: AuthenticatedRequest, via: str
) -> Problem | None:
    """Reject one request, and return None. Raises the problems of `_require_owned` and `vote`."""
    _require_owned(grant, given.owner, authenticated)
    vote(_rejection(seen, given.comment, authenticated, via), authenticated.ports, may_grant=False)
    return None


def _rejection(seen: SeenRequest, comment: str, authenticated: AuthenticatedRequest, via: str) -> Ballot:
    return Ballot(
        grant_id=seen.grant_id,
        voter=authenticated.principal,
        verdict=VoteVerdict.REJECT,
        content=seen.content,
        comment=comment_of(VoteVerdict.REJECT, comment),
        via=via,
        origin=authenticated.origin,
    )


def _require_owned(grant: Grant | None, owner: RequestOwner, authenticated: AuthenticatedRequest) -> None:
    """Raise Problem for a request of another owner than the person confirmed. `vote` refuses an unknown request."""
    if grant and not owner.owns(grant):
        authenticated.count_refusal("request_invalid", AuditEvent.VOTE, grant.id)
        detail = f"The request is not one of {owner.title}."
        raise Problem("request_invalid", detail, "Open the request, and reject it there.")


def _out_of_time() -> Problem:
    detail = "The call had no time left for this request."
    return Problem("unavailable", detail, "Repeat the rejection for the requests that remain.")
