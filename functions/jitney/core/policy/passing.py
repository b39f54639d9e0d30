"""For which durations and approvals the policies allow a request, and who must approve it."""

from collections.abc import Iterable, Sequence
from itertools import combinations
from math import comb
from typing import NamedTuple, Self

from jitney.core.policy.evaluation import Evaluation, PairVerdict
from jitney.core.policy.questions import Question

# The limit of sets of reviewer groups that are tried for each number of groups. With more, all groups must approve.
MAX_ALTERNATIVES = 64


class Passing(NamedTuple):
    """The questions of one request. `given` are the present approvals; `possible` also includes all reviewer groups.

    `suggest` says whether the longest duration that passes is sought.
    """

    evaluation: Evaluation
    questions: Sequence[Question]
    given: frozenset[str]
    possible: frozenset[str]
    evaluations: int
    suggest: bool = True

    def with_earlier(self, groups: frozenset[str]) -> Self:
        """Return the same questions, with the earlier approvals of these groups."""
        return self._replace(evaluation=self.evaluation.with_earlier(groups))

    def verdicts(self, seconds: int, approvals: frozenset[str]) -> list[PairVerdict]:
        """Return the policies' answers to the questions for `seconds` with `approvals`."""
        return self.evaluation.verdicts(self.questions, seconds, approvals)

    def would_count_again(self, seconds: int, reviews: Iterable[frozenset[str]]) -> bool:
        """Return whether the approvals of one of `reviews` would later allow the same request without new ones."""
        if not self.evaluation.earlier_groups:
            return False
        earlier = self.given | self.evaluation.earlier
        return any(self.with_earlier(earlier | groups).passes(seconds, frozenset()) for groups in reviews)

    def permitted_from(self, seconds: int) -> int | None:
        """Return when time windows next change so that everything passes with all approvals; None for no such time.

        A time at which the same sets of windows are open as at an earlier one is not tried again.
        """
        tried, affordable = {frozenset(self.evaluation.open_windows(seconds))}, self.evaluations
        for time, then in self.evaluation.later():
            together = frozenset(then.open_windows(seconds))
            if together in tried:
                continue
            tried.add(together)
            affordable -= self._once * len(together)
            if affordable < 0:
                return None
            if self._replace(evaluation=then).passes(seconds, self.possible):
                return time
        return None

    def affordable(self, seconds: int) -> int:
        """Return how often all questions may still be evaluated, in addition to the two times of every review."""
        return self.evaluations // (self._once * len(self.evaluation.open_windows(seconds))) - 2

    @property
    def _once(self) -> int:
        """The evaluations of all questions, for one set of open time windows."""
        return sum(question.evaluations for question in self.questions)

    def passes(self, seconds: int, approvals: frozenset[str]) -> bool:
        """Return whether everything is allowed for `seconds` with `approvals`."""
        return all(verdict.allowed for verdict in self.verdicts(seconds, approvals))


def review_alternatives(case: Passing, seconds: int) -> tuple[frozenset[str], ...]:
    """Return the smallest sufficient sets of further groups.

    The caller knows that all possible groups together are sufficient.
    """
    further = case.possible - case.given
    affordable = case.affordable(seconds) - len(further)
    if affordable < 0:
        return (further,)
    needed = frozenset(group for group in further if not case.passes(seconds, case.possible - {group}))
    others = sorted(further - needed)
    for size in range(len(others) + 1):
        affordable -= comb(len(others), size)
        if comb(len(others), size) > MAX_ALTERNATIVES or affordable < 0:
            break
        tried = [needed.union(groups) for groups in combinations(others, size)]
        found = tuple(groups for groups in tried if case.passes(seconds, case.given | groups))
        if found:
            return found
    return (further,)


class WouldPass(NamedTuple):
    """What would pass with all approvals: the questions of `verdicts` that are allowed, for `seconds`.

    `seconds` is 0 if the duration need not change, or if nothing would pass.
    """

    seconds: int
    verdicts: list[PairVerdict]

    @property
    def all(self) -> bool:
        """Whether everything would pass."""
        return all(verdict.allowed for verdict in self.verdicts)

    @property
    def some(self) -> bool:
        """Whether anything would pass."""
        return any(verdict.allowed for verdict in self.verdicts)


def would_pass(case: Passing, now: WouldPass, candidates: Iterable[int], shortest: int) -> WouldPass:
    """Return everything for the longest of `candidates` for which it passes, or else a part.

    The part is `now`, if anything passes now, or what passes for the longest candidate for which anything does. Tries
    only as many candidates as are affordable, the longest first, none below `shortest` seconds, and none unless the
    case says `suggest`.
    """
    if not case.suggest:
        return now
    part = now
    long_enough = sorted((seconds for seconds in candidates if seconds >= shortest), reverse=True)
    for seconds in long_enough[: case.affordable(long_enough[0])] if long_enough else ():
        then = WouldPass(seconds, case.verdicts(seconds, case.possible))
        if then.all:
            return then
        if then.some and not part.some:
            part = then
    return part
