"""POST /v1/grants/{id}/revocation and /reviews/{id}/revocation: an operator takes a grant back."""

from core.access.grant import State
from core.access.parse import parse_revocation
from core.problems import Problem
from core.review.inert import inert
from handlers.answers import grant_answer
from handlers.callers import identify
from handlers.ending import end
from handlers.glass import follow_up
from handlers.http import Request, Response
from handlers.pages import Page, Visit, pages
from handlers.ports import Ports


def revoke_grant(request: Request, ports: Ports) -> Response:
    """200 with the grant, which has ended; Problem where the caller is no operator, or gives no reason."""
    call = identify(request, ports)
    with call.refusals_counted():
        grant = call.revocable_grant()
        reason = parse_revocation(request.body, ports.config.limits)
    return grant_answer(200, end(grant, State.REVOKED, reason, call), call)


def revoke_from_page(visit: Visit) -> Page:
    """303 to the grant's page, once it has ended. Raises Problem as the API's route, and form_refused."""
    visit.require_form()
    call = visit.call
    with call.refusals_counted():
        grant = call.revocable_grant()
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
