"""What a principal could request on a target: access as far as permits name it, and access profiles.

A target on which policies permit nothing gives None, so its answer equals that of a target that does not exist.
"""

from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.profile_request import with_profile
from jitney.core.access.request import AccessRequest
from jitney.core.actions import ActionTable
from jitney.core.config import Limits
from jitney.core.identity.principal import Principal
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget, PatternTooComplex
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.decide import decide
from jitney.core.policy.permits import PermitScopes
from jitney.core.policy.permitted_access import PermittedAccess, permitted_access
from jitney.core.policy.permitted_summary import summarized
from jitney.core.policy.permitted_terms import Evaluator, PermitTerms
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.problems import Problem
from jitney.core.target_config import Target


class PolicyRules(NamedTuple):
    """What decisions depend on, except for the principal, the request and the target.

    `windows` are the time windows that are open when the request would be made.
    """

    policy_set: PolicySet
    actions: ActionTable
    limits: Limits
    reviewers: frozenset[str]
    windows: WindowTimes


class PermittedProfile(NamedTuple):
    """An access profile that policies permit; with `partial`, only some of it."""

    name: str
    partial: bool
    terms: PermitTerms


class PermittedTarget(NamedTuple):
    """What policies permit on a target. It is `whole` if all proposals were evaluated."""

    target: Target
    access: tuple[PermittedAccess, ...]
    profiles: tuple[PermittedProfile, ...]
    whole: bool

    @property
    def max_seconds(self) -> int:
        """The longest duration of all that policies permit."""
        terms = [*(each.terms for each in self.access), *(each.terms for each in self.profiles)]
        return max(each.max_seconds for each in terms)


def permitted_target(
    principal: Principal, target: Target, scopes: PermitScopes, rules: PolicyRules
) -> PermittedTarget | None:
    """Return what policies permit the principal on the target, or None for nothing.

    `scopes` are the permits in scope. The principal's other grants do not count.
    """
    evaluator = Evaluator(
        principal, target, rules.policy_set, rules.actions, rules.limits, rules.reviewers, rules.windows
    )
    found = permitted_access(scopes, target, rules.actions, evaluator)
    access = found.access
    with suppress(PatternTooComplex):  # then the list is longer than it has to be
        access = summarized(access, Budget(MAX_REQUEST_STEPS))
    profiles = tuple(
        profile
        for name in sorted(target.access_profiles)
        if (profile := _permitted_profile(name, principal, target, rules))
    )
    return PermittedTarget(target, access, profiles, found.whole) if access or profiles else None


def _permitted_profile(name: str, principal: Principal, target: Target, rules: PolicyRules) -> PermittedProfile | None:
    """Return the terms of a profile for the longest duration at which policies permit it, or some of it."""
    longest = min(target.max_duration_seconds, rules.limits.max_duration_seconds)
    asked = with_profile(AccessRequest(target.alias, (), longest, "", ""), name, target)
    try:
        decision = _decision(asked, principal, target, rules)
        if decision.longest_seconds:
            asked = replace(asked, duration_seconds=decision.longest_seconds)
            decision = _decision(asked, principal, target, rules)
        partial = decision.effect is Effect.DENY
        if partial and decision.allowed_subset:
            decision = _decision(replace(asked, permissions=decision.allowed_subset), principal, target, rules)
    except Problem:
        return None  # it cannot be requested either
    if decision.effect is Effect.DENY:
        return None
    reviews = tuple(tuple(sorted(groups)) for groups in decision.reviews)
    return PermittedProfile(name, partial, PermitTerms(decision.effect, reviews, asked.duration_seconds))


def _decision(access_request: AccessRequest, principal: Principal, target: Target, rules: PolicyRules) -> Decision:
    given = rules.policy_set, rules.actions, rules.limits, rules.reviewers
    return decide(principal, access_request, target, *given, windows=rules.windows)
