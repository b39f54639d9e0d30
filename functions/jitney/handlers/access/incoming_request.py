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
from jitney.handlers.caller.callers import AuthenticatedRequest
from jitney.handlers.caller.other_grants import OtherGrantsLookup
from jitney.handlers.caller.profile_disclosure import disclosed
from jitney.handlers.caller.similar_targets import similar_targets
from jitney.handlers.caller.ungranted import has_quota, record_ungranted


class RequestDecision(NamedTuple):
    """The decision about a request, and the lookup through which it read the caller's other grants."""

    decision: Decision
    others: OtherGrantsLookup


def incoming_request(call: AuthenticatedRequest, event: AuditEvent) -> AccessRequest:
    """Return the access request in the body.

    Raises the problems of `parse_request`, and unavailable, after counting or recording a refusal of `event`. Raises
    Problem rate_limited for too many errors about access profiles.

    Masking a secret needs a key from KMS. Without the tag from this key, Jitney would not recognize an equal request.
    """
    ports, config = call.ports, call.ports.config
    try:
        mask = ports.mask_request(call.principal.owner_key)
        asked = parse_request(call.request.body, config.targets, config.limits, ports.explain_calls, mask)
    except ProfileMismatch as mismatch:
        raise _about_profile(mismatch, call, event) from mismatch
    except Problem as problem:
        if problem.code == "target_unknown":
            raise _about_target(problem, call, event) from problem
        call.count_refusal(problem.code, event)
        raise
    seconds = call.caller.capped(asked.duration_seconds, config.limits.min_duration_seconds, call.now)
    return asked if seconds == asked.duration_seconds else replace(asked, duration_seconds=seconds)


def decide_request(asked: AccessRequest, call: AuthenticatedRequest, event: AuditEvent) -> RequestDecision:
    """Return the decision about a request, and the lookup of the caller's other grants.

    Raises the problems of `AuthenticatedRequest.decide` after counting a refusal of `event`. If a request for an access
    profile cannot be decided, the problem reveals as little as those of `incoming_request`.
    """
    others = call.other_grants(call.ports.config.targets[asked.target])
    try:
        return RequestDecision(call.decide(asked, others), others)
    except Problem as problem:
        if asked.access_profile and problem.status == HTTPStatus.BAD_REQUEST:
            raise _about_profile(ProfileMismatch(asked, asked.access_profile.name, problem), call, event) from problem
        call.count_refusal(problem.code, event)
        raise


def _about_profile(mismatch: ProfileMismatch, call: AuthenticatedRequest, event: AuditEvent) -> Problem:
    """Record that the request does not fit an access profile, and return the problem to answer.

    Raises Problem rate_limited or suspended.
    """
    asked = mismatch.asked
    target = call.ports.config.targets[asked.target]
    with call.counting_refusals(event):
        call.suspensions.require_unsuspended(call.principal, target)
    members = call.request_members(asked, target)
    members["detail"]["unfit_access_profile"] = mismatch.name
    code = (mismatch.disclosure or mismatch).code
    record_ungranted(event, Outcome.REFUSED, call, code=code, **members)
    return disclosed(mismatch, call)


def _about_target(problem: Problem, call: AuthenticatedRequest, event: AuditEvent) -> Problem:
    """Return `problem`, which says that the target is unknown, with the names of similar targets.

    A problem that names a target is recorded, any other is counted. If the quota is used up, no target is evaluated.
    """
    name = strict_json.loads(call.request.body)["target"]
    names = similar_targets(name, call.principal, call.ports) if has_quota(event, call) else []
    if not names:
        call.count_refusal(problem.code, event)
        return Problem(problem.code, problem.detail, problem.fix, {"alternatives": []})
    call.record(event, Outcome.REFUSED, code=problem.code, target=name, detail={"suggested_targets": names})
    return Problem(problem.code, problem.detail, f"Did you mean {' or '.join(names)}?", {"alternatives": names})
