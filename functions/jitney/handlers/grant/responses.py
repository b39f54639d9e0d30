"""Answers that several routes give."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Unpack

from jitney.core.access.credentials import Credentials
from jitney.core.access.decision import Decision, Effect, Reason, Risk
from jitney.core.access.eligibility import require_active_grant
from jitney.core.access.grant import Grant, State
from jitney.core.access.request import AccessRequest, Way, permissions_view
from jitney.core.identity.principal import Principal
from jitney.core.policy.reasons import DURATION, NO_REVEAL
from jitney.core.problems import Problem, ProblemMembers
from jitney.core.quantities import quantity
from jitney.core.quotas import Quota
from jitney.core.times import format_time, iso
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.runtime.http import Response

POLL_SECONDS = 5
"""How long a caller should wait before it reads a pending grant again."""


def reasons_view(reasons: tuple[Reason, ...]) -> list[dict[str, str]]:
    """Return the reasons of a decision as the API shows them."""
    return [each._asdict() for each in reasons]


def risks_view(risks: tuple[Risk, ...]) -> list[dict[str, Any]]:
    """Return a request's risks as the API shows them."""
    return [
        {
            "risk": each.name,
            "sentence": each.sentence,
            "actions": list(each.actions),
            "grants": list(each.grants),
            "source": each.source,
            "level": each.level,
        }
        for each in risks
    ]


def decision_view(decision: Decision) -> dict[str, Any]:
    """Return a decision as the API shows it."""
    return {
        "effect": str(decision.effect),
        "reasons": reasons_view(decision.reasons),
        "risks": risks_view(decision.risks),
        "permissions": permissions_view(decision.permissions),
        "reviews": [sorted(groups) for groups in decision.reviews],
        "allowed_subset": permissions_view(decision.allowed_subset),
        "longest_seconds": decision.longest_seconds,
        "policy_version": decision.policy_version,
        **retry_view(decision),
    }


def retry_view(decision: Decision) -> ProblemMembers:
    """Return when the same request would pass, because a time window changes; {} if no such time is known."""
    return {} if decision.permitted_from is None else {"retry_at": iso(decision.permitted_from)}


def grant_response(
    status: int, grant: Grant, authenticated: AuthenticatedRequest, credentials: Credentials | None = None
) -> Response:
    """Return the answer that shows a grant with its credentials, or a pending grant with its review.

    For a new or pending grant, Location is its absolute address.
    """
    body: dict[str, Any] = {"grant": grant.view()}
    headers = {"Location": authenticated.url(f"/v1/grants/{grant.id}")} if status in (201, 202) else {}
    if credentials:
        body["credentials"] = credentials.view()
    if grant.state is State.PENDING:
        body["review"] = _review_view(grant, authenticated)
        headers["Retry-After"] = str(POLL_SECONDS)
    return Response(status, body, headers)


def active_grant(grant: Grant, authenticated: AuthenticatedRequest) -> Grant:
    """Return the grant if it is active now. Raises Problem as `require_active_grant`; grant_pending has the review."""
    try:
        return require_active_grant(grant, authenticated.now)
    except Problem as problem:
        if problem.code != "grant_pending":
            raise
        raise replace(problem, extras={**problem.extras, "review": _review_view(grant, authenticated)}) from problem


def _review_view(grant: Grant, authenticated: AuthenticatedRequest) -> dict[str, Any]:
    from jitney.handlers.review.review_views import review_view  # noqa: PLC0415 - most grants are not pending

    return review_view(grant, authenticated)


def deciding_policies(decision: Decision) -> dict[str, Any]:
    """Return the record members that name the policies behind a decision."""
    ids = tuple(sorted({reason.policy for reason in decision.reasons}))
    return {"policy_version": decision.policy_version, "policies": ids}


def explanation_view(access_request: AccessRequest | None) -> ProblemMembers:
    """Return how the permissions follow from the requested calls, or {} for a request without calls."""
    if access_request is None or not access_request.explanation:
        return {}
    return {"explanation": [each.view() for each in access_request.explanation]}


def denied_problem(
    decision: Decision,
    access_request: AccessRequest | None = None,
    ways: Mapping[Way, Effect] = MappingProxyType({}),
) -> Problem:
    """Return the problem of a denied request, with the reasons and a request that would pass (POL 7).

    `ways` are the effects of the request in each way, if they are known.
    """
    detail = decision.reasons[0].sentence if decision.reasons else "No policy permits this request."
    extras: ProblemMembers = {
        "reasons": reasons_view(decision.reasons),
        "risks": risks_view(decision.risks),
        "allowed_subset": permissions_view(decision.allowed_subset),
        "longest_seconds": decision.longest_seconds,
        "policy_version": decision.policy_version,
        **explanation_view(access_request),
        **ways_view(ways),
        **retry_view(decision),
    }
    return Problem("denied", detail, _fix(decision, ways), extras)


def denied_call_problem(decision: Decision, detail: str = "", fix: str = "") -> Problem:
    """Return the problem of a denied call. It suggests no part, because a call cannot be made in part."""
    problem = denied_problem(replace(decision, allowed_subset=(), longest_seconds=0))
    if any(each.policy == DURATION for each in decision.reasons):
        fix = "Request a grant of a shorter duration, and make the call in it."
    elif decision.permitted_from is not None:
        fix = f"Make the call from {format_time(decision.permitted_from)} on. It would then pass."
    fix = fix or "Make a different call, or ask your platform engineer for a policy that permits this one."
    return replace(problem, detail=detail or problem.detail, fix=fix)


def used_up_problem(
    code: str, quota: Quota, detail: str, fix: str, now: int, **members: Unpack[ProblemMembers]
) -> Problem:
    """Return the problem that a quota is used up. It says when the quota's minute or hour ends."""
    at = iso(quota.expires_at)
    members |= {"limit": quota.most, "retry_at": at}
    headers = {"Retry-After": str(max(1, quota.expires_at - now))}
    return Problem(code, detail, f"Wait until {at}. {fix}", members, headers)


def rate_limited_problem(quota: Quota, now: int) -> Problem:
    """Return the problem when the calls for one grant have used up their quota of the minute."""
    detail = f"This grant has had {quantity(quota.most, 'such call')} in this minute, which is the limit."
    return used_up_problem("rate_limited", quota, detail, "Then repeat the call.", now)


def unit_limited_problem(quota: Quota, who: Principal, now: int) -> Problem:
    """Return the problem when the accountable unit of `who` has used up the quota of the minute."""
    fix = "Do not repeat denied requests: they stay denied. Agents of one unit share this limit."
    detail = (
        f"{who.unit} has had {quantity(quota.most, 'answer')} without a new grant in this minute, which is the limit. "
        "These are refusals, dry runs, lists of targets, and repeats of a pending request."
    )
    return used_up_problem("rate_limited", quota, detail, fix, now, unit=who.unit)


def too_many_reviews_problem(quota: Quota, unit: str, now: int) -> Problem:
    """Return the problem for a `unit` that has started all the reviews it may start in this hour."""
    fix = (
        "Do not withdraw and repeat requests: each one notifies the reviewers. Request what you need together, as one "
        "request. If you need more, ask your platform engineer to raise limits.reviews_per_hour."
    )
    detail = f"{unit} has started {quantity(quota.most, 'review')} in this hour, which is the limit."
    return used_up_problem("too_many_reviews", quota, detail, fix, now, unit=unit)


def too_many_grants_problem(quota: Quota, unit: str, now: int) -> Problem:
    """Return the problem for a `unit` that has received all its grants of this hour."""
    fix = (
        "Keep a grant while you need it: `jitney serve` shares one between commands, and POST "
        "/v1/grants/{id}/credentials renews its credentials. If you need more grants, ask your platform engineer to "
        "raise limits.grants_per_hour."
    )
    detail = f"{unit} has opened {quantity(quota.most, 'grant')} in this hour, which is the limit."
    return used_up_problem("too_many_grants", quota, detail, fix, now, unit=unit)


def ways_view(ways: Mapping[Way, Effect]) -> ProblemMembers:
    """Return the effects of a request in each way as the API shows them, or {} if they are not known."""
    return {"ways": {str(way): str(effect) for way, effect in ways.items()}} if ways else {}


_IN_THIS_WAY: Mapping[Way, str] = {
    Way.GATEWAY: 'Request it with "way": "gateway": the broker then makes the calls, and you hold no credentials.',
    Way.CREDENTIALS: 'Request it with "way": "credentials", which is the default.',
}
_PASSES: Mapping[Effect, str] = {Effect.ALLOW: "Policies allow that.", Effect.REVIEW: "That needs a review."}


def _fix(decision: Decision, ways: Mapping[Way, Effect]) -> str:
    if decision.effect is Effect.REVIEW:  # of a grant, whose approvals do not suffice any more
        return "Make a new request. Its reviewers then decide."
    if any(reason.policy == NO_REVEAL for reason in decision.reasons):
        return 'Request it without "reveal". Answers then mask sensitive values.'
    for way, effect in ways.items():
        if effect in _PASSES:
            return f"{_IN_THIS_WAY[way]} {_PASSES[effect]}"
    seconds = f"at most {decision.longest_seconds} seconds" if decision.longest_seconds else ""
    then = None if decision.permitted_from is None else format_time(decision.permitted_from)
    later = f" Policies permit the whole request from {then} on." if then else ""
    if decision.allowed_subset:
        only = f"Request only the permissions in allowed_subset{', for ' if seconds else ''}{seconds}."
        return f"{only} They would pass.{later}"
    if seconds:
        return f"Request {seconds}. It would then pass.{later}"
    if then:
        return f"Request it from {then} on. It would then pass."
    return "Request something else, or ask your platform engineer for a policy that permits this."
