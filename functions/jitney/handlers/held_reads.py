"""GET /v1/grants/{id} and /v1/calls/{id}: the caller's own grant or call, held while it is pending (row CLI 3).

`Prefer: wait=N` (RFC 7240) holds the answer until the review is decided, for at most N seconds. API Gateway cannot
route by a header, so the function also serves requests without the header. It holds fewer answers than it has
executions, and answers every other request at once.
"""

from collections.abc import Callable
from dataclasses import replace

from jitney.core.access.grant import Grant, State
from jitney.core.preferences import wait_seconds
from jitney.core.quotas import own_waits_quota, waits_quota
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.authentication import authenticate_even_suspended
from jitney.handlers.gateway.call_views import call_id_of_path, call_state, grant_of_call
from jitney.handlers.grant.responses import grant_response
from jitney.handlers.runtime.edge import endpoints
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports

READ_SECONDS = 1
"""The time between two reads of a grant whose answer is held."""


def read_grant(request: Request, ports: Ports) -> Response:
    """200 with the caller's grant. Raises Problem grant_not_found, also for others' grants."""
    authenticated = authenticate_even_suspended(request, ports)

    def own(now: AuthenticatedRequest) -> Grant:
        return now.own_grant().at(now.now)

    with authenticated.counting_refusals():
        return _held(authenticated, lambda now: grant_response(200, own(now), now), own)


def read_call(request: Request, ports: Ports) -> Response:
    """200 with the state of the caller's call. Raises Problem call_not_found, also for others' calls."""
    authenticated = authenticate_even_suspended(request, ports)
    with authenticated.counting_refusals():
        call_id = call_id_of_path(request)
        return _held(authenticated, lambda now: call_state(call_id, now), lambda now: grant_of_call(call_id, now))


def _held(
    authenticated: AuthenticatedRequest,
    show: Callable[[AuthenticatedRequest], Response],
    read: Callable[[AuthenticatedRequest], Grant | None],
) -> Response:
    """Return the answer of `show`: at once, or when the grant that `read` returns is no longer pending."""
    response, seconds = show(authenticated), wait_seconds(authenticated.request.headers.get("prefer", ""))
    if not seconds or "review" not in response.body or not _may_hold(authenticated):
        return response
    _await_decision(authenticated, read, seconds)
    response = show(_now(authenticated))
    headers = {**response.headers, "Preference-Applied": f"wait={seconds}"}
    if "review" in response.body:
        headers["Retry-After"] = "0"  # the caller waited already
    return replace(response, headers=headers)


def _await_decision(
    authenticated: AuthenticatedRequest, read: Callable[[AuthenticatedRequest], Grant | None], seconds: int
) -> None:
    """Return after `seconds`, or earlier once the grant is no longer pending."""
    ports = authenticated.ports
    started = ports.stopwatch()
    while (left := seconds - (ports.stopwatch() - started) / 1000) > 0:
        ports.pause(min(left, READ_SECONDS))
        grant = read(_now(authenticated))
        if grant is None or grant.state is not State.PENDING:
            return


def _now(authenticated: AuthenticatedRequest) -> AuthenticatedRequest:
    return replace(authenticated, now=authenticated.ports.now(), suspensions=authenticated.ports.suspensions.current())


def _may_hold(authenticated: AuthenticatedRequest) -> bool:
    """Count the wait. Return False if too many answers are held, or if they cannot be counted."""
    quotas = (own_waits_quota(authenticated.principal.quota_key, authenticated.now), waits_quota(authenticated.now))
    return authenticated.count_against(quotas)


handler = endpoints(
    {("GET", "/v1/grants/{id}"): read_grant, ("GET", "/v1/calls/{id}"): read_call},
    ("config", "actions", "keys", "store", "suspensions", "call_store"),
)
