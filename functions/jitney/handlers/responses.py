"""Answers that more than one route gives."""

from typing import Any

from jitney.core.access.credentials import Credentials
from jitney.core.access.decision import Decision, Reason, Risk
from jitney.core.access.grant import Grant, State, permissions_view
from jitney.core.access.request import AccessRequest
from jitney.core.problems import Problem
from jitney.core.single_use import Quota
from jitney.core.times import iso
from jitney.handlers.callers import AuthenticatedRequest
from jitney.handlers.http import Response

POLL_SECONDS = 5
"""How long a caller is asked to wait before it looks again at a pending grant."""


def reasons_view(reasons: tuple[Reason, ...]) -> list[dict[str, str]]:
    """Why policy decided as it did, as the API shows it."""
    return [each._asdict() for each in reasons]


def risks_view(risks: tuple[Risk, ...]) -> list[dict[str, Any]]:
    """A request's risks, as the API shows them."""
    return [
        {
            "risk": each.name,
            "sentence": each.sentence,
            "actions": list(each.actions),
            "grants": list(each.grants),
            "source": each.source,
        }
        for each in risks
    ]


def decision_view(decision: Decision) -> dict[str, Any]:
    """A decision as the API shows it."""
    return {
        "effect": str(decision.effect),
        "reasons": reasons_view(decision.reasons),
        "risks": risks_view(decision.risks),
        "permissions": permissions_view(decision.permissions),
        "reviews": [sorted(groups) for groups in decision.reviews],
        "allowed_subset": permissions_view(decision.allowed_subset),
        "longest_seconds": decision.longest_seconds,
        "policy_version": decision.policy_version,
    }


def grant_response(
    status: int, grant: Grant, call: AuthenticatedRequest, credentials: Credentials | None = None
) -> Response:
    """The answer that tells a grant: with its credentials, or while it is pending with who is asked until when."""
    body: dict[str, Any] = {"grant": grant.view()}
    headers = {"Location": f"/v1/grants/{grant.id}"}
    if credentials:
        body["credentials"] = credentials.view()
    if grant.state is State.PENDING:
        body["review"] = _review_view(grant, call)
        headers["Retry-After"] = str(POLL_SECONDS)
    return Response(status, body, headers)


def _review_view(grant: Grant, call: AuthenticatedRequest) -> dict[str, Any]:
    """Who is asked about a pending grant, who has approved, and where it went because nobody answered."""
    from jitney.core.review.reviewers import escalation_groups  # noqa: PLC0415 - an allowed request shall not wait for it

    return {
        "any_of": [list(groups) for groups in grant.reviews],
        "approved": list(grant.approvals),
        "escalated_to": sorted(escalation_groups(grant, call.ports.config.reviewers, call.now)),
        "expires_at": iso(grant.expires_at),
    }


def deciding_policies(decision: Decision) -> dict[str, Any]:
    """The members of a record that say what decided."""
    ids = tuple(sorted({reason.policy for reason in decision.reasons}))
    return {"policy_version": decision.policy_version, "policies": ids}


def explanation_view(asked: AccessRequest | None) -> dict[str, Any]:
    """How the permissions follow from the calls that were asked with: {} for a request without calls."""
    if asked is None or not asked.explanation:
        return {}
    return {"explanation": [each.view() for each in asked.explanation]}


def denied_problem(decision: Decision, asked: AccessRequest | None = None) -> Problem:
    """The problem that tells a denied caller why, and what would have passed (POL 7)."""
    detail = decision.reasons[0].sentence if decision.reasons else "No policy permits it."
    extras = {
        "reasons": reasons_view(decision.reasons),
        "risks": risks_view(decision.risks),
        "allowed_subset": permissions_view(decision.allowed_subset),
        "longest_seconds": decision.longest_seconds,
        "policy_version": decision.policy_version,
        **explanation_view(asked),
    }
    return Problem("denied", detail, _fix(decision), extras)


def rate_limited_problem(quota: Quota) -> Problem:
    """The problem that a quota of the minute is used up."""
    fix = "Wait for the next minute; what is denied stays denied."
    return Problem("rate_limited", f"At most {quota.most} answers of this kind a minute.", fix, headers=_NEXT_MINUTE)


_NEXT_MINUTE = {"Retry-After": "60"}


def _fix(decision: Decision) -> str:
    if decision.allowed_subset:
        return "Ask for the permissions in allowed_subset alone; they would pass."
    if decision.longest_seconds:
        return f"Ask for at most {decision.longest_seconds} seconds."
    return "Ask for something else, or ask your platform engineer for a policy that permits this."
