"""POST /v1/grants/{id}/credentials: credentials of an active grant, after its review or again."""

from jitney.core.access.standing import require_active
from jitney.handlers.answers import grant_answer
from jitney.handlers.callers import identify
from jitney.handlers.edge import endpoint
from jitney.handlers.http import Request, Response
from jitney.handlers.issuing import reissue
from jitney.handlers.ports import Ports


def create_credentials(request: Request, ports: Ports) -> Response:
    """200 with credentials, or Problem: not the caller's grant, not active (any more), no longer allowed."""
    call = identify(request, ports)
    with call.refusals_counted():
        grant = require_active(call.own_grant(), call.now)
    renewed, credentials = reissue(grant, call)
    return grant_answer(200, renewed, call, credentials)


handler = endpoint(create_credentials, ("config", "policies", "actions", "keys", "store", "sessions"))
