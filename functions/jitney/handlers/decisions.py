"""POST /v1/decisions: what would be decided, and with which session policy; issues nothing."""

from typing import Any

from jitney.adapters.store import Taken
from jitney.core import audit
from jitney.core.access.session_policy import LIMIT
from jitney.core.audit import Event, Outcome
from jitney.core.config import Target
from jitney.core.once import previews
from jitney.core.policy.decision import Decision, Effect
from jitney.handlers.answers import deciding_policies, decision_view, explanation_view, too_many
from jitney.handlers.callers import Call, identify
from jitney.handlers.edge import endpoint
from jitney.handlers.http import Request, Response
from jitney.handlers.ports import Ports

_OUTCOMES = {Effect.ALLOW: Outcome.ALLOWED, Effect.REVIEW: Outcome.REVIEW, Effect.DENY: Outcome.DENIED}


def preview_decision(request: Request, ports: Ports) -> Response:
    """200 with the decision and the exact session policy, or Problem: malformed, too large, too many (POL 9)."""
    call = identify(request, ports)
    _take_quota(call)
    with call.refusals_on_record(Event.PREVIEW):
        asked = call.asked()
        target = ports.config.targets[asked.target]
        decision = call.decide(asked, call.besides(target))
        view = decision_view(decision) | _session_policy(decision, target, call.now + asked.duration_seconds, call)
        view |= explanation_view(asked)
    members = audit.asked_members(asked, target, decision) | deciding_policies(decision)
    call.record(Event.PREVIEW, _OUTCOMES[decision.effect], **members)
    return Response(200, view)


def _take_quota(call: Call) -> None:
    """Use up one dry run before anything is worked out. Raises Problem rate_limited or token_replayed."""
    quota = previews(call.principal.owner, call.ports.config.limits.previews_per_minute, call.now)
    try:
        call.ports.store.take((quota, *call.once), now=call.now)
    except Taken as taken:
        problem = too_many(quota) if taken.key == quota.key else call.caller.replayed()
        call.count_refusal(problem.code)
        raise problem from taken


def _session_policy(decision: Decision, target: Target, ends_at: int, call: Call) -> dict[str, Any]:
    """The session policy that a grant of this decision would have; null for a denial."""
    if decision.effect is Effect.DENY:
        return {"session_policy": None, "session_policy_size": None}
    policy = call.session_policy(decision.permissions, target, ends_at)
    size = {"characters": policy.size, "limit": LIMIT}
    return {"session_policy": policy.document(), "session_policy_size": size}


handler = endpoint(preview_decision, ("config", "policies", "actions", "keys", "store"))
