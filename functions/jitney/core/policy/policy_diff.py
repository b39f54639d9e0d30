"""Compares two versions of policies by their decisions over a generated space (row POL 14)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, NamedTuple

from jitney.core.access.earlier_approvals import EarlierApproval
from jitney.core.access.profile_request import with_profile
from jitney.core.access.request import Way
from jitney.core.call_limits import NO_CALL_LIMITS, CallLimits
from jitney.core.policy.decide import decide
from jitney.core.policy.decision_space import DecisionSpace, SpaceRequest
from jitney.core.policy.near_changes import near_changes
from jitney.core.policy.policy_tests import CaseContext
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.problems import Problem


class VersionAnswer(NamedTuple):
    """The answer of one version: an effect or a problem's code, the policies that decided, and who must approve.

    `call_limits` are the limits of the grant's calls through the gateway.
    """

    effect: str
    policies: tuple[str, ...] = ()
    reviews: tuple[tuple[str, ...], ...] = ()
    call_limits: CallLimits = NO_CALL_LIMITS


@dataclass(slots=True)
class PolicyDifference:
    """Requests whose answers differ between versions in the same way. `example` is the first of `count` requests."""

    old: VersionAnswer
    new: VersionAnswer
    example: SpaceRequest
    count: int = 1


class PolicyDiff(NamedTuple):
    """The differences, the most frequent first. `compared` different requests of `size` were decided.

    `other_policies` counts the requests that get the same answer, but from other policies. `reduced` is described in
    `DecisionSpace`.
    """

    differences: tuple[PolicyDifference, ...]
    compared: int
    size: int
    other_policies: int
    reduced: frozenset[str] = frozenset()


def compare(
    old: CaseContext,
    new: CaseContext,
    space: DecisionSpace,
    most: int,
    progress: Callable[[int, int], None],
    changed: Sequence[Mapping[str, Any]] = (),
    permits: Sequence[Mapping[str, Any]] = (),
) -> PolicyDiff:
    """Decide up to `most` requests of the space by both versions. Calls `progress` with the count and the total.

    `changed` are the policies of only one version, and `permits` those of both, in JSON form. In a space of more than
    `most` requests, up to half of the requests are among those that a changed policy and a permit may be about.
    """
    found: dict[tuple[VersionAnswer, VersionAnswer], PolicyDifference] = {}
    whole, compared, others = min(most, space.size), 0, 0
    near = near_changes(space, changed, permits, new.actions, most // 2) if space.size > most else ()
    for request in islice(dict.fromkeys(chain(near, space.walk(most))), most):
        answers = answer_of(request, old), answer_of(request, new)
        compared += 1
        progress(compared, whole)
        if _decided(answers[0]) == _decided(answers[1]):
            others += answers[0] != answers[1]
        elif answers in found:
            found[answers].count += 1
        else:
            found[answers] = PolicyDifference(*answers, request)
    ranked = sorted(found.values(), key=lambda each: -each.count)
    size = space.size if space.size > most else compared  # combinations of the space can be the same request
    return PolicyDiff(tuple(ranked), compared, size, others, space.reduced)


def answer_of(asked: SpaceRequest, version: CaseContext) -> VersionAnswer:
    """Return a version's answer to a request of the space."""
    target = version.targets[asked.request.target]
    try:
        request = with_profile(asked.request, asked.profile, target) if asked.profile else asked.request
        decision = decide(
            asked.principal,
            request,
            target,
            version.policy_set,
            version.actions,
            version.limits,
            version.reviewers,
            asked.approvals,
            earlier_approvals=lambda _request: (EarlierApproval("", tuple(asked.earlier_approvals), 0),),
            windows=WindowTimes.always(*asked.time_windows),
            suggest=False,
        )
    except Problem as problem:
        return VersionAnswer(problem.code)
    policies = tuple(sorted({reason.policy for reason in decision.reasons}))
    reviews = tuple(sorted(tuple(sorted(each)) for each in decision.reviews))
    limits = decision.call_limits if asked.request.way is Way.GATEWAY else NO_CALL_LIMITS
    return VersionAnswer(decision.effect, policies, reviews, limits)


def _decided(answer: VersionAnswer) -> VersionAnswer:
    return answer._replace(policies=())
