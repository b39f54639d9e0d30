"""DELETE /v1/calls/{id}: an agent withdraws its own call from review (row REV 16)."""

from jitney.core.access.grant import State
from jitney.core.gateway.call_state import CallState
from jitney.core.problems import Problem
from jitney.handlers.caller.authentication import authenticate_even_suspended
from jitney.handlers.ending.grant_ends import end_grant
from jitney.handlers.gateway.call_views import call_id_of_path, call_response, call_state, grant_of_call
from jitney.handlers.runtime.edge import endpoint
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports


def withdraw_call(request: Request, ports: Ports) -> Response:
    """200 with the withdrawn call. Raises Problem call_not_found, or call_already_made if it was sent."""
    authenticated = authenticate_even_suspended(request, ports)
    with authenticated.counting_refusals():
        call_id = call_id_of_path(request)
        grant = grant_of_call(call_id, authenticated)
        if grant is None:
            call_state(call_id, authenticated)
    ended = grant and end_grant(grant, State.RELEASED, "", authenticated)
    if ended is None or ended.state is State.USED:
        problem = _not_under_review(call_id, str(call_state(call_id, authenticated).body["state"]))
        authenticated.count_refusal(problem.code)
        raise problem
    return call_response(call_id, ended.at(authenticated.now), authenticated)


def _not_under_review(call_id: str, state: str) -> Problem:
    """Return the problem that a call in this state cannot be withdrawn."""
    detail, fix = f"Call {call_id} was sent, so it cannot be withdrawn.", f"GET /v1/calls/{call_id} shows its state."
    if state == CallState.NOT_SENT:
        detail = f"AWS did not run call {call_id}, so there is nothing to withdraw."
        fix = "You need not do anything. It is sent again only if you repeat it with its Idempotency-Key."
    return Problem("call_already_made", detail, fix, {"call_id": call_id})


handler = endpoint(withdraw_call, ("config", "actions", "keys", "store", "suspensions", "call_store"))
