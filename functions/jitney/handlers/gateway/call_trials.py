"""Checks before people review a call, so that they do not approve a call that cannot be sent (row STS 10)."""

from collections.abc import Callable
from typing import Any

from jitney.core.access.grant import Grant
from jitney.core.call_limits import CallLimits
from jitney.handlers.access.size_trials import SizeTrial
from jitney.handlers.gateway.call_checks import GatewayCall
from jitney.handlers.gateway.call_sessions import call_policy, sized_for_one_call
from jitney.handlers.gateway.changing_calls import budget_use


def call_trial(gateway_call: GatewayCall, limits: CallLimits) -> Callable[[Grant], dict[str, Any]]:
    """Return the trial of a call. It takes the call's own grant, and returns the members for its record.

    It raises Problem call_budget_used if the grant has too little left for the call, and the problems of
    `SizeTrial.detail`. The limits of a minute and of calls in flight do not count, because they pass.
    """
    size = SizeTrial(gateway_call.authenticated, lambda _, end: call_policy(gateway_call, end))
    whole_grant = limits._replace(calls_per_minute=0)

    def tried(child: Grant) -> dict[str, Any]:
        use = budget_use(gateway_call, whole_grant)
        gateway_call.context.budget.require_left(use, gateway_call.authenticated.now)
        with sized_for_one_call():
            return size.detail(child)

    return tried
