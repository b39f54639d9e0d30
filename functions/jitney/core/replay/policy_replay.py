"""Decides recorded requests again under other policies, and counts what changes (row POL 14).

Requests that policies cannot distinguish are decided once. `PrincipalReads` says which principals these are.
"""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.earlier_approvals import EarlierApproval
from jitney.core.access.request import AccessRequest
from jitney.core.policy.decide import decide
from jitney.core.policy.decision_inputs import DecisionInputs
from jitney.core.policy.policy_tests import CaseContext
from jitney.core.policy.risks import HeldActions
from jitney.core.policy.time_windows import WindowTimes
from jitney.core.problems import Problem
from jitney.core.replay.recorded_requests import DecisionLines, NotReplayable, RecordedRequest, recorded_request
from jitney.core.report.published_lines import Line


class ReplayedAnswer(NamedTuple):
    """The parts of a decision that people compare: its effect, the policies that decided, and the required reviews."""

    effect: Effect
    policies: tuple[str, ...]
    reviews: tuple[frozenset[str], ...]

    @classmethod
    def of(cls, decision: Decision) -> "ReplayedAnswer":
        """Return the answer of a decision."""
        policies = tuple(sorted({reason.policy for reason in decision.reasons}))
        return cls(decision.effect, policies, tuple(sorted(decision.reviews, key=sorted)))

    @classmethod
    def recorded(cls, inputs: DecisionInputs, policies: tuple[str, ...]) -> "ReplayedAnswer":
        """Return the answer in a decision's record."""
        return cls(inputs.effect, policies, tuple(sorted(inputs.reviews, key=sorted)))


class ReplayedRequest(NamedTuple):
    """A recorded request, with its answer at that time and its answer now."""

    recorded: RecordedRequest
    before: ReplayedAnswer
    after: ReplayedAnswer

    @property
    def changes_effect(self) -> bool:
        """Whether the request would get another effect, or need other reviewers."""
        return (self.before.effect, self.before.reviews) != (self.after.effect, self.after.reviews)


def decide_again(recorded: RecordedRequest, context: CaseContext, *, suggest: bool = True) -> Decision:
    """Return the decision on a recorded request under `context`. Raises NotReplayable.

    Without `suggest`, it suggests no shorter duration.
    """
    target = context.targets.get(recorded.request.target)
    if target is None:
        raise NotReplayable(f"the configuration has no target {recorded.request.target}")
    if target.account != recorded.account:
        raise NotReplayable(f"target {target.alias} was in account {recorded.account}, and is in another one now")

    def held(_requested: frozenset[str]) -> tuple[HeldActions, ...]:
        if recorded.inputs.held is None:
            raise NotReplayable("it would need the agent's other grants at that time, which its decision did not read")
        return tuple(HeldActions("", actions) for actions in recorded.inputs.held)

    def earlier(_request: AccessRequest) -> tuple[EarlierApproval, ...]:
        if recorded.inputs.earlier is None:
            raise NotReplayable("it would need the agent's earlier approvals, which its decision did not read")
        return (EarlierApproval("", tuple(sorted(recorded.inputs.earlier)), 0),)

    try:
        return decide(
            recorded.principal,
            recorded.request,
            target,
            context.policy_set,
            context.actions,
            context.limits,
            context.reviewers,
            held_actions=held,
            earlier_approvals=earlier,
            windows=WindowTimes.at(context.time_windows, recorded.time),
            suggest=suggest,
        )
    except Problem as problem:
        raise NotReplayable(f"it is now refused before a decision, with {problem.code}") from problem


@dataclass(slots=True)
class PolicyReplay:
    """Replays records one by one, in any order, and counts the results.

    `effects` counts pairs of effects, before and after. `changed` are the requests with another effect or other
    reviews. `other_policies` counts the other requests that other policies decide now. `left_out` counts the decisions
    that are not replayable, by reason. `other_tables` counts the decisions with another table of AWS actions.
    """

    context: CaseContext
    decisions: DecisionLines = field(default_factory=DecisionLines)
    effects: Counter[tuple[Effect, Effect]] = field(default_factory=Counter)
    changed: list[ReplayedRequest] = field(default_factory=list)
    other_policies: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    other_tables: int = 0
    _answers: dict[Hashable, ReplayedAnswer | NotReplayable] = field(default_factory=dict)

    def add(self, line: Line) -> None:
        """Replay the decision in a line of published records. Lines about other things are ignored.

        A record that was published twice counts once.
        """
        record = self.decisions.decision_in(line)
        if record is None:
            return
        try:
            recorded = recorded_request(record)
            after = self._answer(recorded)
        except NotReplayable as reason:
            self.left_out[str(reason)] += 1
            return
        self._count(recorded, after)

    @property
    def replayed(self) -> int:
        """How many decisions were replayed."""
        return self.effects.total()

    @property
    def distinct(self) -> int:
        """How many different requests, as policies see them, the decisions were about."""
        return len(self._answers)

    def _count(self, recorded: RecordedRequest, after: ReplayedAnswer) -> None:
        before = ReplayedAnswer.recorded(recorded.inputs, recorded.policies)
        replayed = ReplayedRequest(recorded, before, after)
        self.effects[before.effect, after.effect] += 1
        self.other_tables += recorded.action_table != self.context.actions.version
        if replayed.changes_effect:
            self.changed.append(replayed)
        else:
            self.other_policies += before.policies != after.policies

    def _answer(self, recorded: RecordedRequest) -> ReplayedAnswer:
        """Return the answer to a request. It is computed once for all requests that policies cannot distinguish."""
        request, inputs = recorded.request, recorded.inputs
        # Everything that `decide_again` reads, with the principal as far as policies read it.
        key = (
            self.context.policy_set.principal_reads.key_of(recorded.principal),
            recorded.account,
            request,
            inputs.held,
            inputs.earlier,
            WindowTimes.at(self.context.time_windows, recorded.time).during(
                request.duration_seconds, self.context.policy_set.time_windows
            ),
        )
        if key not in self._answers:
            try:
                self._answers[key] = ReplayedAnswer.of(decide_again(recorded, self.context, suggest=False))
            except NotReplayable as reason:
                self._answers[key] = reason
        found = self._answers[key]
        if isinstance(found, NotReplayable):
            raise NotReplayable(str(found))
        return found
