"""The effects that outlive an ended grant, with the actions that CloudTrail shows as used (row END 5)."""

from dataclasses import replace

from jitney.core.access.grant import Grant
from jitney.core.access.grant_effects import issued_effects
from jitney.core.outliving import GrantEffect, with_use
from jitney.core.problems import Problem
from jitney.core.report.published_lines import parse_call
from jitney.core.report.usage import used_actions
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.grant.responses import grant_response
from jitney.handlers.runtime.http import Response
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.ports import Ports


def ended_response(grant: Grant, authenticated: AuthenticatedRequest) -> Response:
    """Return the answer to a release or revocation: the grant, and what outlives it."""
    answer = grant_response(200, grant.at(authenticated.now), authenticated)
    return replace(
        answer, body={**answer.body, "outlives": [each.view() for each in ended_effects(grant, authenticated.ports)]}
    )


def ended_effects(grant: Grant, ports: Ports) -> tuple[GrantEffect, ...]:
    """Return what outlives the grant.

    If the calls cannot be read, the use is unknown, and the revocation still succeeds.
    """
    effects = issued_effects(grant, ports.actions)
    if not effects:
        return ()
    try:
        calls = ports.grant_history.calls(grant.id)
    except Problem as problem:
        logger.warning("calls of an ended grant not read", grant_id=grant.id, code=problem.code)
        return effects
    return with_use(effects, used_actions(call for call in map(parse_call, calls.lines) if call))
