"""POST /v1/decisions: a dry run returns the decision and the session policy, and issues nothing."""

from typing import Any

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.profile_request import hidden_profile
from jitney.core.access.request import AccessRequest
from jitney.core.access.session_policy import SESSION_POLICY_LIMIT
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.target_config import Target
from jitney.handlers.access.incoming_request import decide_request, incoming_request
from jitney.handlers.access.ways import effects_of_ways
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.authentication import authenticate_request
from jitney.handlers.caller.profile_disclosure import hides_profile
from jitney.handlers.caller.ungranted import count_preview
from jitney.handlers.grant.responses import (
    deciding_policies,
    decision_view,
    explanation_view,
    ways_view,
)
from jitney.handlers.runtime.edge import endpoint
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import Ports

_OUTCOMES = {Effect.ALLOW: Outcome.ALLOWED, Effect.REVIEW: Outcome.REVIEW, Effect.DENY: Outcome.DENIED}


def preview_decision(request: Request, ports: Ports) -> Response:
    """200 with the decision and the exact session policy.

    Raises Problem for a malformed or too large request, for too many dry runs (POL 9), for an access profile that the
    caller must not see, and for a request that reviewers rejected (REV 17).
    """
    authenticated = authenticate_request(request, ports)
    count_preview(authenticated, AuditEvent.PREVIEW)
    access_request = incoming_request(authenticated, AuditEvent.PREVIEW)
    target = ports.config.targets[access_request.target]
    decision, others = decide_request(access_request, authenticated, AuditEvent.PREVIEW)
    with authenticated.counting_refusals(AuditEvent.PREVIEW):
        view = decision_view(decision) | _session_policy(decision, access_request, target, authenticated)
        view |= explanation_view(access_request)
        view |= ways_view(effects_of_ways(decision, access_request, authenticated, others))
    members = authenticated.request_members(access_request, target, decision) | deciding_policies(decision)
    if refusal := _refusal(decision, access_request, target, authenticated):
        authenticated.record(AuditEvent.PREVIEW, Outcome.REFUSED, code=refusal.code, **members)
        raise refusal
    authenticated.record(AuditEvent.PREVIEW, _OUTCOMES[decision.effect], **members)
    if hides_profile(decision, access_request, authenticated):
        raise hidden_profile()
    return Response(200, view)


def _refusal(
    decision: Decision, access_request: AccessRequest, target: Target, authenticated: AuthenticatedRequest
) -> Problem | None:
    """Return the problem rejected_before for a request that needs a review and was rejected, or None."""
    if decision.effect is not Effect.REVIEW:
        return None
    from jitney.handlers.access.review_queue import earlier_rejection  # noqa: PLC0415 - as for a request

    try:
        earlier_rejection(decision.permissions, target.role_arn, access_request.changed, authenticated)
    except Problem as problem:
        if problem.code != "rejected_before":
            raise
        return problem
    return None


def _session_policy(
    decision: Decision, access_request: AccessRequest, target: Target, authenticated: AuthenticatedRequest
) -> dict[str, Any]:
    """Return the session policies of a grant with this decision, or null for a denial."""
    if decision.effect is Effect.DENY:
        return {"session_policy": None, "session_policy_arns": [], "session_policy_size": None}
    ends_at = authenticated.now + access_request.duration_seconds
    policy = authenticated.session_policy(
        decision.permissions, access_request.access_profile, target, ends_at, access_request.way
    )
    return {
        "session_policy": policy.document(),
        "session_policy_arns": list(policy.managed_arns),
        "session_policy_size": {"characters": policy.size, "limit": SESSION_POLICY_LIMIT},
    }


handler = endpoint(
    preview_decision, ("config", "policies", "shadow_policies", "actions", "keys", "store", "suspensions")
)
