"""The decision: one pure function, used for a request, at every vote and when credentials are issued (row POL 1).

Every action on every resource is evaluated with the given approvals. If all are allowed, the request is allowed.
Otherwise they are evaluated again as if all reviewer groups had approved. If all are allowed then, the request needs a
review, and `decide` finds the smallest sufficient sets of groups. If not, the request is denied.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, NotRequired, TypedDict

from jitney.core.access.decision import Decision, Effect, Risk
from jitney.core.access.earlier_approvals import EarlierApproval, EarlierApprovalsLookup, approving_groups
from jitney.core.access.profile_policy import granted_profile
from jitney.core.access.request import AccessRequest, Permission
from jitney.core.actions import Action, ActionTable
from jitney.core.call_limits import CallLimits
from jitney.core.config import Limits
from jitney.core.identity.principal import Principal
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget, PatternTooComplex
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.evaluation import Evaluation, PairVerdict
from jitney.core.policy.pairs import NEEDS_NO_PERMISSION, Pair, pairs_of, permissions_of, too_complex
from jitney.core.policy.passing import Passing, WouldPass, review_alternatives, would_pass
from jitney.core.policy.questions import MAX_EVALUATIONS, Question, questions_of
from jitney.core.policy.reach import reach_notes
from jitney.core.policy.reasons import too_long, why_allowed, why_denied, why_reviewed, why_unconditional
from jitney.core.policy.request_context import RequestContext
from jitney.core.policy.risks import (
    CompletedEscalation,
    HeldActions,
    HeldActionsLookup,
    completed_escalations,
    describe_risks,
)
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.target_config import Target


class _Bounds(NamedTuple):
    """How much one decision may examine: pairs, pattern steps, and evaluations of single ARNs.

    The search for other durations or reviewers that would pass may make `search` evaluations.
    """

    pairs: int
    steps: int
    evaluations: int
    search: int

    def shared_by(self, moments: int) -> "_Bounds":
        """Return the bounds if each evaluation is made for this many sets of open time windows."""
        return self._replace(evaluations=self.evaluations // moments)


MAX_SEARCH_EVALUATIONS = 6000
"""Evaluations in the search for a request without an access profile, about 0.4 s."""

# An access profile was checked when the stack was built, and people wrote it. Most of its pairs look the same to
# policies, so evaluating one of its ARNs again takes about 2 us.
PROFILE_BOUNDS = _Bounds(pairs=3000, steps=10 * MAX_REQUEST_STEPS, evaluations=20_000, search=400_000)


class _Seen(TypedDict):
    """The members of a decision that are the same for each effect."""

    permissions: tuple[Permission, ...]
    policy_version: str
    action_table: str
    risks: tuple[Risk, ...]
    held_actions: tuple[frozenset[str], ...] | None
    time_windows: tuple[tuple[str, ...], ...]
    earlier_approvals: NotRequired[tuple[EarlierApproval, ...] | None]


@dataclass(slots=True)
class _OtherGrants:
    """The lookup of other grants. `read` are the actions that it found for each grant, or None if it was not called."""

    lookup: HeldActionsLookup
    read: tuple[frozenset[str], ...] | None = None

    def __call__(self, requested: frozenset[str]) -> Sequence[HeldActions]:
        found = self.lookup(requested)
        self.read = tuple(each.actions for each in found)
        return found


def _no_earlier_approvals(_request: AccessRequest) -> tuple[EarlierApproval, ...]:
    """Return no approval, for a decision that counts none."""
    return ()


def _no_other_grants(_actions: frozenset[str]) -> tuple[HeldActions, ...]:
    return ()


def decide(
    principal: Principal,
    request: AccessRequest,
    target: Target,
    policy_set: PolicySet,
    actions: ActionTable,
    limits: Limits,
    reviewers: Collection[str] = (),
    approvals: Collection[str] = (),
    held_actions: HeldActionsLookup = _no_other_grants,
    earlier_approvals: EarlierApprovalsLookup = _no_earlier_approvals,
    *,
    windows: WindowTimes,
    suggest: bool = True,
) -> Decision:
    """Return the policy decision on `principal`'s `request`, which is for `target`.

    `reviewers` are the groups that could approve; `approvals` are those that did. `held_actions` returns what other
    grants hold in the target's account. It is called only for actions that escalate privileges in combination.
    `earlier_approvals` returns the approvals of the same access before. It is called only if it can help, and not if
    the request completes an escalation with other grants. `windows` are the time windows during the grant. Without
    `suggest`, and for a call, no shorter duration is sought for a denial.

    A request with an `operation` is about one call, and its conditions have the exact values of the call's keys.
    Policies that do not look at the call also see the approvals of the grant.

    Pure. Raises Problem action_unknown, request_invalid when the request cannot be decided, access_profile_changed, and
    the problems of the lookups.
    """
    evaluation = Evaluation(policy_set, principal, target, RequestContext.of(request), windows)
    seconds, longest = request.duration_seconds, min(target.max_duration_seconds, limits.max_duration_seconds)
    moments = evaluation.open_windows(min(seconds, longest))
    bounds, others = _bounds_of(request, target, limits).shared_by(len(moments)), _OtherGrants(held_actions)
    everything = _questions(request, target, policy_set, actions, bounds, others)
    seen = _seen(everything, target, policy_set, actions, others, moments)
    questions, unconditional = _split(everything, in_a_grant=bool(request.operation))
    given, further = frozenset(approvals), frozenset(reviewers) & policy_set.groups
    shortens = suggest and not request.operation  # a call cannot be made in part, or for less time
    case = Passing(evaluation, questions, given, given | further, bounds.search, shortens)
    if seconds > longest:
        reason = too_long(seconds, longest, target)
        shorter = evaluation.durations_near(longest) | {longest}
        passing = would_pass(case, WouldPass(0, []), shorter, limits.min_duration_seconds)
        return Decision(Effect.DENY, (reason,), **_suggestion(passing, unconditional), **seen)
    if _earlier_approvals_help(case, seconds, everything):
        seen["earlier_approvals"] = found = earlier_approvals(replace(request, permissions=seen["permissions"]))
        case = case.with_earlier(approving_groups(found))
    now = case.verdicts(seconds, given)
    if all(verdict.allowed for verdict in now):
        reasons = why_allowed(now) or why_unconditional(unconditional)
        return Decision(Effect.ALLOW, reasons, call_limits=_call_limits(now, policy_set), **seen)

    reviewed = case.verdicts(seconds, case.possible)
    if all(verdict.allowed for verdict in reviewed):
        review = Decision(Effect.REVIEW, (), **seen)
        return _with_reviews(review, case, request, zip(now, reviewed, strict=True), policy_set)
    passing = would_pass(case, WouldPass(0, reviewed), evaluation.durations_near(seconds), limits.min_duration_seconds)
    start = case.permitted_from(seconds) if suggest else None
    reasons = why_denied(_refused(reviewed), policy_set, principal, target)
    return Decision(Effect.DENY, reasons, **_suggestion(passing, unconditional), **seen, permitted_from=start)


def _with_reviews(
    review: Decision,
    case: Passing,
    request: AccessRequest,
    answers: Iterable[tuple[PairVerdict, PairVerdict]],
    policy_set: PolicySet,
) -> Decision:
    """Return the decision with its reviews. `answers` has each answer without and with all possible approvals."""
    verdicts = tuple(answers)
    reviews = review_alternatives(case, request.duration_seconds)
    return replace(
        review,
        reasons=why_reviewed([each for each in verdicts if not each[0].allowed], policy_set),
        reviews=reviews,
        call_limits=_call_limits((after for _, after in verdicts), policy_set),
        counts_again=not request.operation and case.would_count_again(request.duration_seconds, reviews),
    )


def _earlier_approvals_help(case: Passing, seconds: int, questions: Iterable[Question]) -> bool:
    """Return whether the request could need fewer approvals, or none, with earlier ones.

    They do not count if the request completes an escalation with other grants: no reviewer saw both together.
    """
    most = case.evaluation.earlier_groups
    if not most or any(gain.held for question in questions for gain in question.gains):
        return False
    return not case.passes(seconds, case.given) and case.with_earlier(most).passes(seconds, case.possible)


def _seen(
    questions: tuple[Question, ...],
    target: Target,
    policy_set: PolicySet,
    actions: ActionTable,
    others: _OtherGrants,
    moments: tuple[tuple[str, ...], ...],
) -> _Seen:
    return _Seen(
        permissions=permissions_of(question.pair for question in questions),
        policy_version=policy_set.version,
        action_table=actions.version,
        risks=_risks(questions, target),
        held_actions=others.read,
        time_windows=moments if policy_set.time_windows else (),
    )


def _split(questions: tuple[Question, ...], *, in_a_grant: bool) -> tuple[tuple[Question, ...], tuple[Question, ...]]:
    """Return the questions that policies decide, and those about actions for which AWS needs no permission.

    The second kind is allowed if the first kind is allowed. If there is only the second kind, policies decide it,
    because a grant needs a policy that permits something. A call through the gateway has such a grant already.
    """
    decided = tuple(each for each in questions if each.pair.action.name not in NEEDS_NO_PERMISSION)
    if (not decided and not in_a_grant) or len(decided) == len(questions):
        return questions, ()
    return decided, tuple(each for each in questions if each.pair.action.name in NEEDS_NO_PERMISSION)


class _Suggestion(TypedDict):
    allowed_subset: tuple[Permission, ...]
    longest_seconds: int


def _suggestion(passing: WouldPass, unconditional: Iterable[Question]) -> _Suggestion:
    """Return the members of a denial that say what would pass. Everything is no subset."""
    allowed = [verdict.question.pair for verdict in passing.verdicts if verdict.allowed]
    part = [*allowed, *(question.pair for question in unconditional)] if allowed and not passing.all else []
    return _Suggestion(allowed_subset=permissions_of(part), longest_seconds=passing.seconds)


def _bounds_of(request: AccessRequest, target: Target, limits: Limits) -> _Bounds:
    """Return the bounds of a decision. Raises Problem access_profile_changed."""
    if request.access_profile is None:
        return _Bounds(limits.max_pairs, MAX_REQUEST_STEPS, MAX_EVALUATIONS, MAX_SEARCH_EVALUATIONS)
    granted_profile(request.access_profile, target)
    return PROFILE_BOUNDS


def _questions(
    request: AccessRequest,
    target: Target,
    policy_set: PolicySet,
    actions: ActionTable,
    bounds: _Bounds,
    held_actions: HeldActionsLookup,
) -> tuple[Question, ...]:
    budget = Budget(bounds.steps)
    try:
        pairs = pairs_of(request, actions, bounds.pairs, budget)
        gained = _gained(pairs, actions, held_actions)
        return questions_of(pairs, gained, target, policy_set, request.operation, budget, bounds.evaluations)
    except PatternTooComplex as error:
        raise too_complex() from error


def _gained(
    pairs: Iterable[Pair], actions: ActionTable, held_actions: HeldActionsLookup
) -> tuple[CompletedEscalation, ...]:
    requested = frozenset(pair.action.name for pair in pairs)
    if not requested & actions.escalation_actions:
        return ()
    combined = requested & actions.combination_actions
    return completed_escalations(requested, held_actions(combined) if combined else (), actions.escalations)


def _risks(questions: Iterable[Question], target: Target) -> tuple[Risk, ...]:
    names: dict[Action, frozenset[str]] = {}
    gained: dict[str, CompletedEscalation] = {}
    for question in questions:
        action = question.pair.action
        names[action] = names.get(action, frozenset()) | question.risks
        gained |= {gain.escalation.name: gain for gain in question.gains}
    return describe_risks(names, gained.values(), reach_notes(target))


def _call_limits(verdicts: Iterable[PairVerdict], policy_set: PolicySet) -> CallLimits:
    """Return the limits of the permits that allow, or will allow after a review."""
    return policy_set.call_limits({name for verdict in verdicts for name in verdict.policies})


def _refused(verdicts: Iterable[PairVerdict]) -> list[PairVerdict]:
    return [verdict for verdict in verdicts if not verdict.allowed]
