"""POST /v1/grants/{id}/revocation: an operator takes a grant back."""

from core.access.grant import State
from core.access.parse import parse_revocation
from handlers.answers import grant_answer
from handlers.callers import identify
from handlers.edge import endpoint
from handlers.ending import end
from handlers.http import Request, Response
from handlers.ports import Ports


def revoke_grant(request: Request, ports: Ports) -> Response:
    """200 with the grant, which has ended; Problem where the caller is no operator, or gives no reason."""
    call = identify(request, ports)
    with call.refusals_counted():
        grant = call.revocable_grant()
        reason = parse_revocation(request.body, ports.config.limits)
    return grant_answer(200, end(grant, State.REVOKED, reason, call))


handler = endpoint(
    revoke_grant, ("config", "actions", "keys", "store", "deny_list", "role_policies", "sessions", "canary")
)
