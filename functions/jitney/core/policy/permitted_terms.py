"""The terms on which policies permit actions on a resource: with or without a review, how long, and in which ways.

All terms come from evaluations of the policies, as in a decision about a request for one action on the resource.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from jitney.core.access.conditions import Conditions
from jitney.core.access.decision import Effect
from jitney.core.access.request import Way
from jitney.core.actions import Action, ActionTable
from jitney.core.config import Limits
from jitney.core.identity.principal import Principal
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget, covers
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.evaluation import Evaluation
from jitney.core.policy.pairs import Pair
from jitney.core.policy.passing import Passing, review_alternatives
from jitney.core.policy.questions import READS_BELOW, Question, questions_of
from jitney.core.policy.reach import reach_risks
from jitney.core.policy.request_context import RequestContext
from jitney.core.policy.risks import CompletedEscalation, completed_escalations, risks_of
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.target_config import Target

MAX_EFFORT = 500_000
"""The limit of evaluations of single ARNs for one target, multiplied by the number of policies. About 2 s."""
_MAX_EVALUATIONS = 20_000
_OVERHEAD = 10  # of one evaluation, in policies
_SAMPLES = 6  # classes of ARNs that are tried where policies permit only some of a pattern


class Exhausted(Exception):
    """The evaluations for a target are used up."""


class PermitTerms(NamedTuple):
    """How policies permit access: the effect, the alternatives of reviewer groups, and the longest duration."""

    effect: Effect
    reviews: tuple[tuple[str, ...], ...]
    max_seconds: int


WayTerms: TypeAlias = frozenset[tuple[PermitTerms, Way]]
"""The terms in each way; empty if policies permit nothing."""


class Asked(NamedTuple):
    """A question that one of `permits` must permit."""

    question: Question
    permits: frozenset[str]


class Evaluator:
    """Evaluates what policies permit `principal` on `target`, within the bounds of one decision."""

    def __init__(
        self,
        principal: Principal,
        target: Target,
        policy_set: PolicySet,
        actions: ActionTable,
        limits: Limits,
        reviewers: Collection[str],
        windows: WindowTimes,
    ) -> None:
        self.budget = Budget(MAX_REQUEST_STEPS)
        self.effort = 0
        self._target, self._policy_set, self._actions = target, policy_set, actions
        contexts = {way: RequestContext("", way, reveal=False) for way in Way}
        self._ways = {way: Evaluation(policy_set, principal, target, each, windows) for way, each in contexts.items()}
        longest = min(target.max_duration_seconds, limits.max_duration_seconds)
        shortest = limits.min_duration_seconds
        durations = self._ways[Way.CREDENTIALS].durations_near(longest)
        near = {seconds for seconds in durations if seconds >= shortest}
        self._durations = sorted({longest, *({shortest, *near} if near else ())})
        self._groups = frozenset(reviewers) & policy_set.groups

    def kinds(
        self, actions: Sequence[Action], resource: str, conditions: Conditions, *, wildcards: bool
    ) -> "list[Kind]":
        """Return `actions` on `resource`, in groups that policies treat alike. Raises PatternTooComplex.

        Without `wildcards`, the questions are about each single ARN that `resource` matches.
        """
        pairs = [Pair(action, resource, conditions) for action in actions]
        questions = questions_of(
            pairs, self._gained(actions), self._target, self._policy_set, "", self.budget, _MAX_EVALUATIONS
        )
        found: dict[object, Kind] = {}
        for question in questions:
            action = question.pair.action
            asked = question if wildcards or action.name in READS_BELOW else self._single(question)
            seen = self._policy_set.equivalence.key_of(action, asked.risks)
            found.setdefault((seen, asked.wildcard, asked.calls), Kind(asked, [])).actions.append(action)
        return list(found.values())

    def terms(self, asked: Sequence[Asked]) -> list[WayTerms]:
        """Return, for each of `asked`, the terms on which one of its permits permits it.

        All are evaluated together, which is faster. Raises Exhausted.
        """
        found: list[set[tuple[PermitTerms, Way]]] = [set() for _ in asked]
        for way, evaluation in self._ways.items():
            reviewed = self._longest(evaluation, asked, range(len(asked)), self._groups, own=True)
            allowed = self._longest(evaluation, asked, reviewed, frozenset(), own=False)
            for place, seconds in allowed.items():
                found[place].add((PermitTerms(Effect.ALLOW, (), seconds), way))
            for place, seconds in reviewed.items():
                if seconds > allowed.get(place, 0):
                    reviews = self._reviews(evaluation, asked[place].question, seconds)
                    found[place].add((PermitTerms(Effect.REVIEW, reviews, seconds), way))
        return [frozenset(each) for each in found]

    def _longest(
        self,
        evaluation: Evaluation,
        asked: Sequence[Asked],
        places: Iterable[int],
        approvals: frozenset[str],
        *,
        own: bool,
    ) -> dict[int, int]:
        """Return the longest duration at which each of the `places` in `asked` passes. Raises Exhausted.

        A question that passes neither for the longest nor for the shortest duration is not tried for others. Further
        tries halve the range of durations. So the result is too short if policies permit a duration, but not every
        shorter one. With `own`, one of the question's own permits must permit it. Otherwise any permit may do so, which
        is enough if an own permit permits it with approvals.
        """

        def passing(places: Iterable[int], seconds: int) -> list[int]:
            return self._passing(evaluation, asked, places, seconds, approvals, own=own)

        *shorter, longest = self._durations
        found = dict.fromkeys(passing(places, longest), longest)
        left = passing([place for place in places if place not in found], shorter[0]) if shorter else []
        # The index of a duration that passes, and of one that does not.
        ranges = dict.fromkeys(left, (0, len(shorter)))
        while ranges:
            halves: dict[int, list[int]] = {}
            for place, (low, high) in ranges.items():
                if high - low > 1:
                    halves.setdefault((low + high) // 2, []).append(place)
                else:
                    found[place] = self._durations[low]
            between: dict[int, tuple[int, int]] = {}
            for half, tried in halves.items():
                passed = set(passing(tried, self._durations[half]))
                for place in tried:
                    low, high = ranges[place]
                    between[place] = (half, high) if place in passed else (low, half)
            ranges = between
        return found

    def samples(self, kind: "Kind", resource: str, *, wildcards: bool) -> "list[Kind]":
        """Return `kind` on some parts of `resource` that policies can distinguish. Raises PatternTooComplex."""
        found = []
        conditions = kind.question.pair.conditions
        for arn in list(kind.question.members)[:_SAMPLES]:
            part = f"{arn}~*" if wildcards else arn
            if part != arn and not covers(resource, part, self.budget):
                continue
            acting = [action for action in kind.actions if action.acts_on(part, self.budget)][:1]
            found += self.kinds(acting, part, conditions, wildcards=wildcards)
        return found

    def _passing(
        self,
        evaluation: Evaluation,
        asked: Sequence[Asked],
        places: Iterable[int],
        seconds: int,
        approvals: frozenset[str],
        *,
        own: bool,
    ) -> list[int]:
        """Return the indexes in `asked` of the questions that pass. Raises Exhausted."""
        tried = list(places)
        questions = [asked[place].question for place in tried]
        evaluations = sum(question.evaluations for question in questions) * len(evaluation.open_windows(seconds))
        self.effort += evaluations * (_OVERHEAD + len(self._policy_set.rules))
        if self.effort > MAX_EFFORT:
            raise Exhausted
        verdicts = evaluation.verdicts(questions, seconds, approvals)
        return [
            place
            for place, verdict in zip(tried, verdicts, strict=True)
            if verdict.allowed and not (own and asked[place].permits.isdisjoint(verdict.policies))
        ]

    def _reviews(self, evaluation: Evaluation, question: Question, seconds: int) -> tuple[tuple[str, ...], ...]:
        case = Passing(evaluation, (question,), frozenset(), self._groups, _MAX_EVALUATIONS)
        return tuple(tuple(sorted(groups)) for groups in review_alternatives(case, seconds))

    def _single(self, question: Question) -> Question:
        """Return the question about single ARNs. All ARNs have the Region and account that the resource names."""
        action, resource = question.pair.action, question.pair.resource
        own = risks_of(action, resource, wildcard=False, gained=question.gains, budget=self.budget)
        return replace(question, wildcard=False, risks=own | reach_risks(action.name, resource, self._target))

    def _gained(self, actions: Iterable[Action]) -> list[CompletedEscalation]:
        """Return the escalations that a single action completes."""
        names = {action.name for action in actions} & self._actions.escalation_actions
        return [gain for name in sorted(names) for gain in completed_escalations({name}, (), self._actions.escalations)]


class Kind(NamedTuple):
    """Actions that policies cannot distinguish on a resource, and the question about one of them."""

    question: Question
    actions: list[Action]
