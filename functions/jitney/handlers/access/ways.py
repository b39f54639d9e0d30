"""The policies' answers to a request, for each way of using its grant (row GW 4)."""

from collections.abc import Mapping
from typing import TypeAlias

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.request import AccessRequest, Way
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.other_grants import OtherGrantsLookup

WayEffects: TypeAlias = Mapping[Way, Effect]
"""The effect of a request in each way."""


def effects_of_ways(
    decision: Decision, access_request: AccessRequest, authenticated: AuthenticatedRequest, others: OtherGrantsLookup
) -> WayEffects:
    """Return the effect of the request in its own way, from `decision`, and in the other way.

    The other way is evaluated without reveal. Raises the problems of `AuthenticatedRequest.decide`.
    """
    other = access_request.in_other_way()
    # With an access profile there is no gateway (core.access.request_body).
    effect = Effect.DENY if access_request.access_profile else authenticated.decide(other, others).effect
    effects = {access_request.way: decision.effect, other.way: effect}
    return {way: effects[way] for way in Way}
