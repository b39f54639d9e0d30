"""DELETE /v1/grants/{id}: the agent releases its grant."""

from jitney.core.access.grant import Grant, State
from jitney.core.problems import Problem
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.authentication import authenticate_even_suspended
from jitney.handlers.ending.ended_effects import ended_response
from jitney.handlers.ending.grant_ends import ENDING_PORTS, end_grant, require_few_repeats
from jitney.handlers.runtime.edge import endpoint
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports


def release_grant(request: Request, ports: Ports) -> Response:
    """200 with the ended grant, also when repeated. Problem for another caller's grant, or too many repeats."""
    authenticated = authenticate_even_suspended(request, ports)
    with authenticated.counting_refusals():
        grant = _releasable(authenticated)
        require_few_repeats(grant, authenticated)
    return ended_response(end_grant(grant, State.RELEASED, "", authenticated), authenticated)


def _releasable(authenticated: AuthenticatedRequest) -> Grant:
    """Return the caller's own grant with the path's id.

    If it is unreadable, it has only the part that is needed to end it.
    """
    try:
        return authenticated.own_grant()
    except Problem as problem:
        if problem.code == "grant_unreadable" and (grant := authenticated.own_unreadable_grant()):
            return grant
        raise


handler = endpoint(
    release_grant,
    ENDING_PORTS,
)
