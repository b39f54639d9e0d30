"""Decisions of one policy set on many similar requests, and how strict they are."""

from collections.abc import Hashable, Iterable
from dataclasses import replace
from itertools import product
from typing import TypeAlias

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.request import AccessRequest, GrantedPair, Permission
from jitney.core.identity.principal import Principal
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget, PatternTooComplex, wildcard_pattern
from jitney.core.policy.decide import decide
from jitney.core.policy.policy_tests import CaseContext
from jitney.core.policy.risks import HeldActions
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.problems import Problem

Alternatives: TypeAlias = frozenset[frozenset[str]]
"""Sets of reviewer groups: the approvals of all groups of one set suffice."""
Reviews: TypeAlias = frozenset[Alternatives]
"""Reviews that must all pass. Empty for access without a review."""
Held: TypeAlias = tuple[frozenset[str], ...] | None
"""The actions of the agent's other grants, as a recorded decision read them."""
MOST_SETS = 256
"""The limit of combinations of alternatives that are compared. With more, an answer counts as not strict enough."""


class RememberedDecisions:
    """Decides requests by the policies of `context`, and caches the decisions. No time window is open."""

    def __init__(self, context: CaseContext) -> None:
        self.context = context
        self._known: dict[Hashable, Decision | None] = {}

    @property
    def compares_people(self) -> bool:
        """Whether the policies may compare the person on whose behalf an agent acts."""
        reads = self.context.policy_set.principal_reads
        return reads.whole or "human" in reads.attributes

    def decision(self, who: Principal, request: AccessRequest, held: Held) -> Decision | None:
        """Return the decision on a request, or None if the request is refused before a decision."""
        key = (self.context.policy_set.principal_reads.key_of(who), request, held)
        if key not in self._known:
            self._known[key] = self._decide(who, request, held)
        return self._known[key]

    def on_pair(
        self, who: Principal, request: AccessRequest, pair: GrantedPair, seconds: int, held: Held
    ) -> Decision | None:
        """Return the decision on one pair of a request, for `seconds`."""
        return self.decision(who, with_pairs(request, (pair,), seconds), held)

    def unsuitable(self, decision: Decision) -> str:
        """Return why nothing can be suggested for what was decided; "" if something can.

        A suggested permit names no time window, so it would permit more than a policy that names one.
        """
        policies = sorted({each.policy for each in decision.reasons})
        if decision.effect is Effect.DENY:
            return f"the present policies deny it, by {', '.join(policies)}"
        rules = self.context.policy_set.rules
        timed = [each for each in policies if each in rules and rules[each].time_windows]
        return f"{timed[0]} names a time window" if timed else ""

    def shorter_than(self, seconds: int) -> Iterable[int]:
        """Return the shorter durations of requests at which the answer may change."""
        shortest = self.context.limits.min_duration_seconds
        return (each for each in self.context.policy_set.near(seconds) if each >= shortest)

    def suffices(
        self, reviews: Reviews, who: Principal, request: AccessRequest, pair: GrantedPair, seconds: int, held: Held
    ) -> bool:
        """Return whether a permit that needs `reviews` would allow no more than the policies do on the pair."""
        decision = self.on_pair(who, request, pair, seconds, held)
        return decision is not None and not self.unsuitable(decision) and suffices(reviews, decision)

    def arns_below(self, prefix: str, action: str) -> tuple[str, ...]:
        """Return, for each kind that policies distinguish, an ARN below the prefix on which the action can act.

        Returns () if there are too many kinds.
        """
        budget, known = Budget(MAX_REQUEST_STEPS), self.context.actions.get(action)
        try:
            found = self.context.policy_set.witnesses(wildcard_pattern(f"{prefix}*"), budget)
            return tuple(arn for arn in found if known and known.acts_on(arn, budget))
        except PatternTooComplex:
            return ()

    def _decide(self, who: Principal, request: AccessRequest, held: Held) -> Decision | None:
        rules, target = self.context, self.context.targets.get(request.target)
        if target is None:
            return None
        others = tuple(HeldActions("", actions) for actions in held or ())
        try:
            return decide(
                who, request, target, rules.policy_set, rules.actions, rules.limits, rules.reviewers, (),
                lambda _requested: others, windows=WindowTimes.always(), suggest=False,
            )  # fmt: skip
        except Problem:
            return None


def with_pairs(request: AccessRequest, pairs: Iterable[GrantedPair], seconds: int) -> AccessRequest:
    """Return the request for these pairs only, for `seconds`."""
    permissions = tuple(Permission((each.action,), (each.resource,), each.conditions) for each in pairs)
    return replace(request, permissions=permissions, duration_seconds=seconds)


def reviews_of(decision: Decision) -> Reviews:
    """Return the reviews that a decision needs. The decision must not be a denial."""
    return frozenset({frozenset(decision.reviews)}) if decision.effect is Effect.REVIEW else frozenset()


def suffices(reviews: Reviews, decision: Decision | None) -> bool:
    """Return whether approvals that satisfy `reviews` also satisfy the reviews that a decision needs."""
    if decision is None or decision.effect is Effect.DENY:
        return False
    wanted = reviews_of(decision)
    sets = approval_sets(reviews)
    return bool(sets) and all(
        any(alternative <= given for alternative in alternatives) for given in sets for alternatives in wanted
    )


def approval_sets(reviews: Reviews) -> tuple[frozenset[str], ...]:
    """Return each set of groups whose approvals satisfy all reviews, or () if there are too many."""
    found: list[frozenset[str]] = []
    for chosen in product(*(sorted(each, key=sorted) for each in sorted(reviews, key=repr))):
        found.append(frozenset[str]().union(*chosen))
        if len(found) > MOST_SETS:
            return ()
    return tuple(dict.fromkeys(found))
