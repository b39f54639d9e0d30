"""Waits for a review. Polls no more often than the broker says, until reviewers have decided."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from jitney.client import wording
from jitney.client.broker import Broker
from jitney.client.problems import ReviewPending, Unavailable
from jitney.client.responses import GrantResponse

# After the review's end the broker has this long to close the grant itself.
_GRACE_SECONDS = 60.0


def wait_for_decision(
    broker: Broker,
    answer: GrantResponse,
    on_progress: Callable[[GrantResponse, Unavailable | None], None],
    at_most: float | None = None,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> GrantResponse:
    """Return the answer once its grant is no longer pending.

    Polls after `retry_seconds` of the last answer, at least one second apart, and once more when the time is up. Each
    poll calls `on_progress` with the state and, if there was no answer, the problem. `clock` gives epoch seconds.

    Raises ReviewPending after `at_most` seconds, or a minute after the review's end.
    """
    deadline = _deadline(answer, clock(), at_most)
    while answer.grant.state == "pending":
        left = deadline - clock()
        if left <= 0:
            raise pending_problem(answer, clock())
        sleep(min(left, max(1.0, float(answer.retry_seconds))))
        try:
            latest = broker.grant(answer.grant.id)
        except Unavailable as problem:  # a review takes longer than most outages
            on_progress(answer, problem)
        else:
            answer = replace(latest, review=latest.review or answer.review)
            on_progress(answer, None)
    return answer


def _deadline(answer: GrantResponse, now: float, at_most: float | None) -> float:
    review_end = (answer.review and answer.review.expires_at) or answer.grant.expires_at
    ends = [now + at_most] if at_most is not None else []
    if review_end:
        ends.append(datetime.fromisoformat(review_end).timestamp() + _GRACE_SECONDS)
    return min(ends, default=float("inf"))


def pending_problem(answer: GrantResponse, now: float) -> ReviewPending:
    """Return the problem that a grant is under review and the command does not wait. `now` is in epoch seconds."""
    number = answer.grant.id
    detail = f"Grant {wording.pending(answer, now)}. The request stays open."
    fix = (
        f"Wait with `jitney grants show {number} --wait`, then use it with `jitney run --grant {number} -- COMMAND`. "
        "With a profile, run the AWS command again."
    )
    return ReviewPending("grant_pending", "The grant is still under review", detail, fix, answer.document())
