"""Reads the access request in a body, and decides about it.

Counts and records requests that are refused without a decision.
"""

from dataclasses import replace
from http import HTTPStatus
from typing import NamedTuple

from jitney.core import strict_json
from jitney.core.access.decision import Decision
from jitney.core.access.profile_request import ProfileMismatch
from jitney.core.access.request import AccessRequest
from jitney.core.access.request_body import parse_request
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, Outcome
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.other_grants import OtherGrantsLookup
from jitney.handlers.caller.profile_disclosure import disclosed
from jitney.handlers.caller.similar_targets import similar_targets
from jitney.handlers.caller.ungranted import has_quota, record_ungranted


class RequestDecision(NamedTuple):
    """The decision about a request, and the lookup through which it read the caller's other grants."""

    decision: Decision
    others: OtherGrantsLookup


def incoming_request(authenticated: AuthenticatedRequest, event: AuditEvent) -> AccessRequest:
    """Return the access request in the body.

    Raises the problems of `parse_request` and `capped`, and unavailable, after counting or recording a refusal of
    `event`. Raises Problem rate_limited for too many errors about access profiles.

    Masking a secret needs a key from KMS. Without the tag from this key, Jitney would not recognize an equal request.
    """
    ports, config = authenticated.ports, authenticated.ports.config
    try:
        mask = ports.mask_request(authenticated.principal.owner_key)
        access_request = parse_request(
            authenticated.request.body, config.targets, config.limits, ports.explain_calls, mask
        )
    except ProfileMismatch as mismatch:
        raise _about_profile(mismatch, authenticated, event) from mismatch
    except Problem as problem:
        if problem.code == "target_unknown":
            raise _about_target(problem, authenticated, event) from problem
        authenticated.count_refusal(problem.code, event)
        raise
    with authenticated.counting_refusals(event):
        seconds = authenticated.caller.capped(
            access_request.duration_seconds, config.limits.min_duration_seconds, authenticated.now
        )
    return (
        access_request
        if seconds == access_request.duration_seconds
        else replace(access_request, duration_seconds=seconds)
    )


def decide_request(
    access_request: AccessRequest, authenticated: AuthenticatedRequest, event: AuditEvent
) -> RequestDecision:
    """Return the decision about a request, and the lookup of the caller's other grants.

    Raises the problems of `AuthenticatedRequest.decide` after counting a refusal of `event`. If a request for an access
    profile cannot be decided, the problem reveals as little as those of `incoming_request`.
    """
    others = authenticated.other_grants(authenticated.ports.config.targets[access_request.target])
    try:
        return RequestDecision(authenticated.decide(access_request, others), others)
    except Problem as problem:
        if access_request.access_profile and problem.status == HTTPStatus.BAD_REQUEST:
            raise _about_profile(
                ProfileMismatch(access_request, access_request.access_profile.name, problem), authenticated, event
            ) from problem
        authenticated.count_refusal(problem.code, event)
        raise


def _about_profile(mismatch: ProfileMismatch, authenticated: AuthenticatedRequest, event: AuditEvent) -> Problem:
    """Record that the request does not fit an access profile, and return the problem to answer.

    Raises Problem rate_limited or suspended.
    """
    asked = mismatch.asked
    target = authenticated.ports.config.targets[asked.target]
    with authenticated.counting_refusals(event):
        authenticated.suspensions.require_unsuspended(authenticated.principal, target)
    members = authenticated.request_members(asked, target)
    members["detail"]["unfit_access_profile"] = mismatch.name
    code = (mismatch.disclosure or mismatch).code
    record_ungranted(event, Outcome.REFUSED, authenticated, code=code, **members)
    return disclosed(mismatch, authenticated)


def _about_target(problem: Problem, authenticated: AuthenticatedRequest, event: AuditEvent) -> Problem:
    """Return `problem`, which says that the target is unknown, with the names of similar targets.

    A problem that names a target is recorded, any other is counted. If the quota is used up, no target is evaluated.
    """
    name = strict_json.loads(authenticated.request.body)["target"]
    names = (
        similar_targets(name, authenticated.principal, authenticated.ports) if has_quota(event, authenticated) else []
    )
    if not names:
        authenticated.count_refusal(problem.code, event)
        return Problem(problem.code, problem.detail, problem.fix, {"alternatives": []})
    authenticated.record(event, Outcome.REFUSED, code=problem.code, target=name, detail={"suggested_targets": names})
    return Problem(problem.code, problem.detail, f"Did you mean {' or '.join(names)}?", {"alternatives": names})
