"""POST /v1/grants/{id}/revocation and /reviews/{id}/revocation: an operator, or a reviewer, takes a grant back."""

from jitney.core.access.grant import Grant, State
from jitney.core.access.parse import parse_revocation
from jitney.core.problems import Problem
from jitney.core.review.inert import inert
from jitney.core.review.reviewers import may_take_back, of_now
from jitney.handlers.answers import grant_answer
from jitney.handlers.callers import Call, identify
from jitney.handlers.ending import end
from jitney.handlers.glass import follow_up
from jitney.handlers.http import Request, Response
from jitney.handlers.pages import Page, Visit, pages
from jitney.handlers.ports import Ports


def revoke_grant(request: Request, ports: Ports) -> Response:
    """200 with the grant, which has ended; Problem where the caller may not, or gives no reason."""
    call = identify(request, ports)
    with call.refusals_counted():
        grant = _revocable(call)
        reason = parse_revocation(request.body, ports.config.limits)
    return grant_answer(200, end(grant, State.REVOKED, reason, call), call)


def _revocable(call: Call) -> Grant:
    """The grant of the path's id, if the caller is an operator or among its reviewers.

    Raises Problem not_operator for anybody else, whether there is such a grant or not, and grant_not_found.
    """
    grant, config = call.named_grant(), call.ports.config
    if not (grant and may_take_back(call.principal, of_now(grant, config), config.reviewers, call.now)):
        call.require_operator("revoke it")
    if grant is None:
        raise Problem("grant_not_found", "There is no grant of this id.", "Check the id.")
    return grant


def revoke_from_page(visit: Visit) -> Page:
    """303 to the grant's page, once it has ended. Raises Problem as the API's route, and form_refused."""
    visit.require_form()
    call = visit.call
    with call.refusals_counted():
        grant = _revocable(call)
        reason = visit.form("reason")
        if not inert(reason):
            raise Problem("request_invalid", "There is no reason.", "Go back, and say in a few words why.")
    end(grant, State.REVOKED, reason, call)
    return Page(303, location=f"{visit.path}/reviews/{grant.id}")


handler = pages(
    {("POST", "/reviews/{id}/revocation"): revoke_from_page, ("POST", "/reviews/{id}/follow-up"): follow_up},
    ("config", "actions", "keys", "store", "deny_list", "role_policies", "sessions", "canary", "web_sessions"),
    otherwise=revoke_grant,
)
