"""What a caller may see of access profiles.

It sees a profile only if policies permit it some of the profile, with or without approvals, now or when a time window
changes. For all other profiles, the answer is the same as for a profile that does not exist.
"""

from dataclasses import replace

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.profile_request import ProfileMismatch, hidden_profile, with_profile
from jitney.core.access.request import AccessRequest
from jitney.core.policy.decide import decide
from jitney.core.problems import Problem
from jitney.core.target_config import Target
from jitney.handlers.access.ways import effects_of_ways
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.caller.other_grants import OtherGrantsLookup
from jitney.handlers.caller.similar_targets import similar_names
from jitney.handlers.grant.responses import denied_problem


def denial(
    decision: Decision, access_request: AccessRequest, authenticated: AuthenticatedRequest, others: OtherGrantsLookup
) -> Problem:
    """Return the problem of a denied request."""
    if hides_profile(decision, access_request, authenticated):
        return hidden_profile()
    return denied_problem(decision, access_request, effects_of_ways(decision, access_request, authenticated, others))


def hides_profile(decision: Decision, access_request: AccessRequest, authenticated: AuthenticatedRequest) -> bool:
    """Return whether the decision is a denial that the caller must not see, because it quotes an access profile."""
    if decision.effect is not Effect.DENY or access_request.access_profile is None or decision.would_permit:
        return False
    return not _may_learn(access_request.access_profile.name, access_request, authenticated)


def disclosed(mismatch: ProfileMismatch, authenticated: AuthenticatedRequest) -> Problem:
    """Return the problem that shows what the caller may see of the profile, or else similar names that it may see."""
    if mismatch.disclosure:
        return mismatch.disclosure if _may_learn(mismatch.name, mismatch.asked, authenticated) else hidden_profile()
    similar = similar_names(mismatch.name, _target(mismatch.asked, authenticated).access_profiles)
    return hidden_profile([name for name in similar if _may_learn(name, mismatch.asked, authenticated)])


def _may_learn(name: str, access_request: AccessRequest, authenticated: AuthenticatedRequest) -> bool:
    """Return whether policies permit the caller some of the profile, for the shortest time, now or later."""
    ports, limits = authenticated.ports, authenticated.ports.config.limits
    target = _target(access_request, authenticated)
    shortest = replace(access_request, permissions=(), explanation=(), duration_seconds=limits.min_duration_seconds)
    rules = ports.policies, ports.actions, limits, ports.config.reviewers
    try:
        request = with_profile(shortest, name, target)
        windows = authenticated.open_windows()
        return decide(authenticated.principal, request, target, *rules, windows=windows).would_permit
    except Problem:
        return False


def _target(access_request: AccessRequest, authenticated: AuthenticatedRequest) -> Target:
    return authenticated.ports.config.targets[access_request.target]
