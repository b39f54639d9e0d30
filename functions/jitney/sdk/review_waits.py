"""How long a program waits for reviewers, and how it is notified of the wait."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from jitney.client.api.broker import Broker
from jitney.client.api.polling import pending_problem, wait_for_decision
from jitney.client.api.responses import GrantResponse
from jitney.client.problems import ClientProblem, ReviewPending, Unavailable

OnPending = Callable[[ReviewPending], None]

LOG = logging.getLogger("jitney")


class WaitAbandonedError(Exception):
    """The task that waited was cancelled."""


@dataclass(frozen=True, slots=True)
class ReviewWait:
    """Waits at most `seconds` for a review. None waits until the review ends.

    `on_pending` gets the review when a wait begins.
    """

    seconds: float | None = None
    on_pending: OnPending | None = None
    abandoned: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> "RunningWait":
        """Return a wait that begins now."""
        return RunningWait(None if self.seconds is None else time.monotonic() + self.seconds, self.abandoned)

    def show(self, problem: ReviewPending) -> None:
        """Call `on_pending` with the open review."""
        if self.on_pending:
            self.on_pending(problem)
        else:
            LOG.warning("jitney: %s", problem.detail)

    def decided(self, broker: Broker, answer: GrantResponse) -> GrantResponse:
        """Return the answer once reviewers have decided. Raises ReviewPending when the time is up."""
        self.show(review_problem(answer, broker.clock.now()))
        waiting = self.begin()
        try:
            if self.seconds == 0:
                raise review_problem(answer, broker.clock.now())
            return wait_for_decision(broker, answer, waiting.go_on, self.seconds, sleep=waiting.sleep)
        except ReviewPending as problem:
            raise _for_programs(problem) from None


class RenewalReviews:
    """Shows each review of a grant that continues a session, once. The session's calls work meanwhile."""

    def __init__(self, waits: ReviewWait) -> None:
        self._waits = waits
        self._shown = ""

    def note(self, problem: ClientProblem) -> None:
        """Show the review on which a renewal waits.

        `on_pending` runs in a thread of its own, because it may use the session that the renewal locks.
        """
        if isinstance(problem, ReviewPending) and _for_programs(problem).grant_id != self._shown:
            self._shown = problem.grant_id
            threading.Thread(target=self._waits.show, args=(problem,), name="jitney-review").start()


@dataclass(frozen=True, slots=True)
class RunningWait:
    """A wait until `end`, in seconds of the monotonic clock. None is a wait without an end."""

    end: float | None
    abandoned: threading.Event

    def left(self) -> float:
        """Return the seconds that are left."""
        return float("inf") if self.end is None else self.end - time.monotonic()

    def go_on(self, _answer: GrantResponse, _trouble: Unavailable | None) -> None:
        """Continue after a poll. Raises WaitAbandonedError if the wait was abandoned."""
        self.sleep(0)

    def sleep(self, seconds: float) -> None:
        """Sleep. Raises WaitAbandonedError as soon as the wait is abandoned."""
        if self.abandoned.wait(seconds):
            raise WaitAbandonedError


def review_problem(answer: GrantResponse, now: float) -> ReviewPending:
    """Return the problem that a grant or a call is under review, with what a program can do."""
    return _for_programs(pending_problem(answer, now))


def _for_programs(problem: ReviewPending) -> ReviewPending:
    problem.fix = "Do the same again after the reviewers have decided, or give a longer wait."
    return problem
