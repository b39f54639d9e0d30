"""DELETE /v1/grants/{id}: the agent gives its grant back."""

from jitney.core.access.grant import State
from jitney.handlers.answers import grant_answer
from jitney.handlers.callers import identify
from jitney.handlers.edge import endpoint
from jitney.handlers.ending import end
from jitney.handlers.http import Request, Response
from jitney.handlers.ports import Ports


def release_grant(request: Request, ports: Ports) -> Response:
    """200 with the grant, which has ended, however often it is asked; Problem where it is not the caller's own."""
    call = identify(request, ports)
    with call.refusals_counted():
        grant = call.own_grant()
    return grant_answer(200, end(grant, State.RELEASED, "", call), call)


handler = endpoint(
    release_grant, ("config", "actions", "keys", "store", "deny_list", "role_policies", "sessions", "canary")
)
