"""The state of the caller's own call through the gateway, as the API shows it (row REV 16)."""

from collections.abc import Mapping
from dataclasses import replace

from jitney.core.access.credentials import CALL_ID
from jitney.core.access.grant import Grant, State
from jitney.core.access.reviewed_call import grant_id_of
from jitney.core.problems import Problem
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.grant.responses import grant_response
from jitney.handlers.review.under_review import under_review
from jitney.handlers.runtime.http import Request, Response

_STATES: Mapping[State, str] = {
    State.ACTIVE: "approved",
    State.USED: "sent",
    State.RELEASED: "withdrawn",
}
"""The states of a reviewed call that differ from the states of its grant."""


def call_id_of_path(request: Request) -> str:
    """Return the call id in the path. Raises Problem call_not_found for an id that no call can have."""
    given = request.path.get("id", "")
    if not CALL_ID.fullmatch(given):
        raise _unknown()
    return given


def call_state(call_id: str, authenticated: AuthenticatedRequest) -> Response:
    """Return the state of a call that changes something or is reviewed. Raises Problem call_not_found."""
    sent = authenticated.ports.call_store.recorded_state(call_id)
    if sent and authenticated.principal.owner_key.startswith(sent.owner):
        return Response(200, sent.view(authenticated.now))
    grant = grant_of_call(call_id, authenticated)
    if grant is None:
        raise _unknown()
    return call_response(call_id, grant, authenticated)


def grant_of_call(call_id: str, authenticated: AuthenticatedRequest) -> Grant | None:
    """Return the caller's own grant of a reviewed call, as it is now, or None."""
    grant = authenticated.ports.store.grant(grant_id_of(call_id))
    if grant is None or grant.call is None:
        return None
    authenticated.named_grants.append(grant.id)
    if not authenticated.owns(grant):
        return None
    return under_review(grant, authenticated.ports, authenticated.suspensions).grant.at(authenticated.now)


def call_response(call_id: str, grant: Grant, authenticated: AuthenticatedRequest) -> Response:
    """Return a reviewed call as the API shows it."""
    answer = grant_response(200, grant, authenticated)
    reviewed = grant.call.view() if grant.call else {}
    members = {name: reviewed[name] for name in ("service", "operation", "region")} | {"grant_id": reviewed["grant"]}
    state = _STATES.get(grant.state, str(grant.state))
    return replace(answer, body={"call_id": call_id, "state": state, **members, **answer.body})


def _unknown() -> Problem:
    fix = "Check the id, and use a token of the same agent and person. Calls that only read have no state."
    return Problem("call_not_found", "You have no call with this id.", fix)
