"""DELETE /v1/grants/{id}: the agent releases its grant."""

from jitney.adapters.transactions import Conflict
from jitney.core.access.grant import Grant, State
from jitney.core.access.live_credentials import needs_denial
from jitney.core.problems import Problem
from jitney.core.quotas import repeated_release_quota
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.authentication import authenticate_even_suspended
from jitney.handlers.ending.ended_effects import ended_response
from jitney.handlers.ending.grant_ends import ENDING_PORTS, end_grant
from jitney.handlers.grant.responses import rate_limited_problem
from jitney.handlers.runtime.edge import endpoint
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports


def release_grant(request: Request, ports: Ports) -> Response:
    """200 with the ended grant, also when repeated. Problem for another caller's grant, or too many repeats."""
    authenticated = authenticate_even_suspended(request, ports)
    with authenticated.counting_refusals():
        grant = _releasable(authenticated)
        if grant.ending and needs_denial(grant, authenticated.now):
            _consume_quota(grant, authenticated)
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


def _consume_quota(grant: Grant, authenticated: AuthenticatedRequest) -> None:
    """Count one repeated release. Raises Problem rate_limited. The grant is denied even without the repeat."""
    quota = repeated_release_quota(grant.id, authenticated.now)
    try:
        authenticated.ports.store.consume([quota], now=authenticated.now)
    except Conflict as used:
        raise rate_limited_problem(quota) from used


handler = endpoint(
    release_grant,
    ENDING_PORTS,
)
