"""POST /v1/grants/{id}/revocation and /reviews/{id}/revocation: a person revokes a grant (`may_revoke`)."""

from jitney.core.access.grant import Grant, State
from jitney.core.access.request_body import parse_reason
from jitney.core.problems import Problem
from jitney.core.review.reviewers import may_revoke
from jitney.core.review.safe_text import escape_invisible
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.authentication import authenticate_request
from jitney.handlers.ending.ended_effects import ended_response
from jitney.handlers.ending.grant_ends import ENDING_PORTS, end_grant, require_few_repeats
from jitney.handlers.pages.visits import FormVisit, Page, pages
from jitney.handlers.review.break_glass import follow_up
from jitney.handlers.review.under_review import under_review
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports


def revoke_grant(request: Request, ports: Ports) -> Response:
    """200 with the ended grant. Problem if the caller may not revoke it or gives no reason."""
    authenticated = authenticate_request(request, ports)
    with authenticated.counting_refusals():
        grant = _revocable(authenticated)
        reason = parse_reason(request.body, ports.config.limits)
    return ended_response(end_grant(grant, State.REVOKED, reason, authenticated), authenticated)


def _revocable(authenticated: AuthenticatedRequest) -> Grant:
    """Return the grant with the path's id, for an operator or a person who may revoke it.

    Raises Problem not_operator for any other caller, even if the grant does not exist. Raises Problem grant_not_found,
    and rate_limited if a person who is not an operator repeats the revocation too often. An unreadable grant has only
    the part that is needed to end it.
    """
    config = authenticated.ports.config
    try:
        grant = authenticated.stored_grant_in_path()
    except Problem as problem:
        if problem.code != "grant_unreadable":
            raise
        return _unreadable(authenticated)
    review = under_review(grant, authenticated.ports, authenticated.suspensions) if grant else None
    if not (review and may_revoke(authenticated.principal, review, config.reviewers, authenticated.now)):
        authenticated.require_operator("revoke this grant")
    if grant is None:
        raise Problem("grant_not_found", "There is no grant with this id.", "Check the id.")
    if not authenticated.is_operator:
        require_few_repeats(grant, authenticated)
    return grant


def _unreadable(authenticated: AuthenticatedRequest) -> Grant:
    """Return the part of an unreadable grant that is needed to end it.

    The caller must be an operator, because its reviewers are unknown.
    """
    authenticated.require_operator("revoke this grant")
    grant = authenticated.unreadable_grant_in_path()
    if grant is None:
        raise Problem("grant_conflict", "The grant changed during this call.", "Repeat the call.")
    return grant


def revoke_from_page(visit: FormVisit) -> Page:
    """303 to the page of the ended grant. Raises the problems of the API's route, and request_invalid."""
    authenticated = visit.authenticated
    with authenticated.counting_refusals():
        grant = _revocable(authenticated)
        reason = visit.form("reason")
        if not escape_invisible(reason):
            raise Problem("request_invalid", "The reason is missing.", "Go back, and say in a few words why.")
    end_grant(grant, State.REVOKED, reason, authenticated)
    return Page(303, location=f"{visit.path}/reviews/{grant.id}")


handler = pages(
    {},
    {"/reviews/{id}/revocation": revoke_from_page, "/reviews/{id}/follow-up": follow_up},
    (*ENDING_PORTS, "web_sessions"),
    api={("POST", "/v1/grants/{id}/revocation"): revoke_grant},
)
