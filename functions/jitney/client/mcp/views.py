"""Turns the broker's answers into results of the tools. The results have no member for a credential."""

from collections.abc import Mapping
from typing import Any

from jitney.client.api.grant_members import ApiReview
from jitney.client.api.grant_request import GrantRequest
from jitney.client.api.passing_request import passing_request
from jitney.client.api.responses import ApiDecision, ApiGrant, GrantPage, GrantResponse
from jitney.client.mcp.results import DecisionResult, GrantResult, GrantsResult, GrantView, ListedGrantView, ReviewView
from jitney.client.terminal import wording

_NEXT: Mapping[str, str] = {
    "pending": "Reviewers were notified. Show the user who reviews it and the page in review.url. Then use wait.",
    "rejected": "A reviewer rejected it: see votes. Inform the user. Repeat it only with a difference, in changed.",
    "expired": "It has ended. If you still need the access, use the tool request.",
    "released": "Done. Its access has ended.",
    "revoked": "It was revoked. Do not request it again without asking the user.",
    "failed": "It failed. Use the tool request once more, or inform the user.",
    "used": "Its one call was sent.",
}
_ACTIVE: Mapping[str, str] = {
    "gateway": "Use the tool call with this grant. When your task is done, use the tool release.",
    "credentials": "Run a command with it in a shell: jitney run --grant {id} -- COMMAND. Then use the tool release.",
}
_ACTIVE_CALL = "It was approved. Repeat the tool call with the same arguments as before. It is then made."
_EFFECTS: Mapping[str, str] = {
    "allow": "Policy would allow it. Use the tool request with the same arguments and a reason.",
    "review": "Reviewers would have to approve it. Use the tool request with the same arguments and a reason.",
    "deny": "Policy would deny it. See reasons, and would_pass for what policy would pass.",
}


def grant_view(grant: ApiGrant) -> GrantView:
    """Return a grant as the tools show it."""
    return GrantView(
        id=grant.id,
        state=grant.state,
        target=grant.target,
        way=grant.way,
        permissions=[each.document() for each in grant.permissions],
        reason=grant.reason,
        ticket=grant.ticket or None,
        account=grant.account or None,
        region=grant.region or None,
        reveal=grant.reveal,
        created_at=grant.created_at,
        expires_at=grant.expires_at,
        call=dict(grant.call) if grant.call else None,
        votes=[each.document() for each in grant.votes],
        ended=grant.ending.document() if grant.ending else None,
    )


def review_view(review: ApiReview | None) -> ReviewView | None:
    """Return a review as the tools show it."""
    if review is None:
        return None
    return ReviewView(
        any_of=[list(groups) for groups in review.any_of],
        reviewers=list(review.reviewers),
        url=review.review_url or None,
        approved=list(review.approved),
        escalated_to=list(review.escalated_to),
        decide_by=review.expires_at,
    )


def next_step(grant: ApiGrant) -> str:
    """Return what a model should do with a grant in this state."""
    if grant.state == "active":
        return _ACTIVE_CALL if grant.call else _ACTIVE.get(grant.way, "").format(id=grant.id)
    return _NEXT.get(grant.state, "Use the tool my_grants to see its state.")


def grant_result(answer: GrantResponse, *, existing: bool = False, requested: ApiGrant | None = None) -> GrantResult:
    """Return a grant with its review and the next step. `requested` is the grant before its review, if it is known."""
    notes = wording.narrowed_approval_lines(requested, answer.grant) if requested else []
    notes += [f"{effect.sentence} {effect.left_to_do}" for effect in answer.outlives]
    return GrantResult(
        grant=grant_view(answer.grant),
        review=review_view(answer.review),
        existing=existing,
        notes=notes,
        next=next_step(answer.grant),
    )


def grants_result(page: GrantPage) -> GrantsResult:
    """Return one page of grants."""
    more = " Use my_grants with next_cursor for older ones." if page.next else ""
    usable = any(each.grant.state in ("active", "pending") for each in page.grants)
    step = "Use an active grant with the tool call, or wait for a pending one." if usable else "No grant is usable."
    listed = [ListedGrantView(**dict(grant_view(each.grant)), review=review_view(each.review)) for each in page.grants]
    return GrantsResult(grants=listed, next_cursor=page.next, next=f"{step}{more}")


def decision_result(decision: ApiDecision, request: GrantRequest) -> DecisionResult:
    """Return what policy would decide about a request."""
    other = passing_request(request, decision.allowed_subset, decision.longest_seconds, decision.ways)
    effect = decision.effect if decision.effect in _EFFECTS else "deny"
    return DecisionResult.model_validate(
        {
            "effect": effect,
            "needed": [each.document() for each in decision.explanation],
            "permissions": [each.document() for each in decision.permissions],
            "reasons": wording.reason_lines(decision.reasons),
            "reviewers": [list(groups) for groups in decision.reviews],
            "risks": [wording.risk_line(each) for each in decision.risks],
            "ways": dict(decision.ways),
            "longest_seconds": decision.longest_seconds or None,
            "retry_at": decision.retry_at,
            "would_pass": [request_arguments(other)] if other and other.way == request.way else [],
            "next": _EFFECTS[effect] + (" The same request would pass from retry_at on." if decision.retry_at else ""),
        }
    )


def request_arguments(request: GrantRequest) -> dict[str, Any]:
    """Return a request as arguments of the tool request."""
    given: dict[str, Any] = {
        "target": request.target,
        "commands": list(request.calls),
        "calls": [each.document() for each in request.operations],
        "permissions": [each.document() for each in request.permissions],
        "duration_seconds": request.duration_seconds,
        "reason": request.reason,
        "ticket": request.ticket,
        "changed": request.changed,
        "reveal": request.reveal,
    }
    return {name: value for name, value in given.items() if value}
