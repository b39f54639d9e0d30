"""DELETE /v1/grants/{id}: the agent releases its grant."""

from jitney.core.access.grant import State
from jitney.handlers.callers import authenticate_request
from jitney.handlers.edge import endpoint
from jitney.handlers.grant_ends import end_grant
from jitney.handlers.http import Request, Response
from jitney.handlers.ports import Ports
from jitney.handlers.responses import grant_response


def release_grant(request: Request, ports: Ports) -> Response:
    """200 with the ended grant, also when repeated; Problem for a grant of another caller."""
    call = authenticate_request(request, ports)
    with call.counting_refusals():
        grant = call.own_grant()
    return grant_response(200, end_grant(grant, State.RELEASED, "", call), call)


handler = endpoint(
    release_grant, ("config", "actions", "keys", "store", "deny_list", "role_policies", "sessions", "canary")
)
