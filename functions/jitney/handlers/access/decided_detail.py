"""The record members about the decision on a request: its inputs, and the answer of the shadow policies."""

from typing import TYPE_CHECKING, Any

from jitney.core.access.decision import Decision
from jitney.core.access.request import AccessRequest
from jitney.core.policy.decision_inputs import DecisionInputs
from jitney.core.target_config import Target

if TYPE_CHECKING:
    from jitney.handlers.caller.authenticated_request import AuthenticatedRequest


def decided_detail(
    access_request: AccessRequest, target: Target, decision: Decision, authenticated: "AuthenticatedRequest"
) -> dict[str, Any]:
    """Return the members for a record's `detail`. Only records have them, never an answer to an agent."""
    principal, ports = authenticated.principal, authenticated.ports
    detail, shadow, config = DecisionInputs.of(decision, principal).detail(), ports.shadow_policies, ports.config
    if shadow is None:
        return detail
    rules = ports.actions, config.limits, config.reviewers, authenticated.open_windows()
    return detail | shadow.detail(decision, principal, access_request, target, *rules)
