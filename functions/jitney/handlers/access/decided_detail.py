"""The record members about the decision on a request: its inputs, and the answer of the shadow policies."""

from typing import Any

from jitney.core.access.decision import Decision
from jitney.core.access.request import AccessRequest
from jitney.core.identity.principal import Principal
from jitney.core.policy.decision_inputs import DecisionInputs
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.target_config import Target
from jitney.handlers.runtime.ports import Ports


def decided_detail(
    access_request: AccessRequest,
    target: Target,
    decision: Decision,
    principal: Principal,
    windows: WindowTimes,
    ports: Ports,
) -> dict[str, Any]:
    """Return the members for a record's `detail`. Only records have them, never an answer to an agent.

    `windows` are those of the decision.
    """
    detail, shadow, config = DecisionInputs.of(decision, principal).detail(), ports.shadow_policies, ports.config
    if shadow is None:
        return detail
    rules = ports.actions, config.limits, config.reviewers, windows
    return detail | shadow.detail(decision, principal, access_request, target, *rules)
