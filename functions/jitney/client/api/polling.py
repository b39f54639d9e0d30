"""Waits for a review. The broker holds each answer for some seconds; if it does not, polls become rarer."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from jitney.client.api.broker import Broker
from jitney.client.api.responses import ApiGrant, GrantResponse
from jitney.client.problems import ClientProblem, GrantEnded, Rejected, ReviewPending, Revoked, Unavailable
from jitney.client.terminal import pending_wording
from jitney.core.access.ended_fixes import ENDED_FIXES

# How long after the end of the review the broker has to end the grant itself.
_GRACE_SECONDS = 60.0
HOLD_SECONDS = 10
"""How long the broker is asked to hold an answer: the longest time that it allows."""
_GROWTH, _LONGEST_PAUSE_SECONDS = 1.5, 30.0


def wait_for_decision(
    broker: Broker,
    answer: GrantResponse,
    on_progress: Callable[[GrantResponse, Unavailable | None], None],
    at_most: float | None = None,
    clock: Callable[[], float] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> GrantResponse:
    """Return the answer once its grant is no longer pending.

    Each poll asks the broker to hold its answer until the decision. If the broker held it, the next poll follows at
    once. Otherwise the pause before the next poll is at least `retry_seconds` of the last answer, and grows from poll
    to poll. One more poll is made when the time is up, also after an outage or the machine's sleep. Each poll calls
    `on_progress` with the state and, if there was no answer, the problem. `clock` returns epoch seconds; the default is
    the broker's clock.

    Raises ReviewPending after `at_most` seconds, or a minute after the review's end.
    """
    clock = clock or broker.clock.now
    deadline = _deadline(answer, clock(), at_most)
    pause, missed = 0.0, False
    while answer.grant.state == "pending":
        left = deadline - clock()
        if left <= 0 and not missed:
            raise pending_problem(answer, clock())
        if pause:
            sleep(max(0.0, min(left, pause)))
        began, missed = clock(), False
        try:
            latest = broker.grant(answer.grant.id, int(max(0, min(HOLD_SECONDS, deadline - began))))
        except Unavailable as problem:  # a review takes longer than most outages
            pause, missed = _longer(pause, answer.retry_seconds), began < deadline
            on_progress(answer, problem)
        else:
            held = latest.held and clock() - began >= 1
            pause = 0.0 if held else _longer(pause, latest.retry_seconds)
            answer = replace(latest, review=latest.review or answer.review)
            on_progress(answer, None)
    return answer


def _longer(pause: float, least: float) -> float:
    """Return the pause before the next poll, which is longer than the last one, up to a limit."""
    return max(1.0, least, min(pause * _GROWTH, _LONGEST_PAUSE_SECONDS))


def _deadline(answer: GrantResponse, now: float, at_most: float | None) -> float:
    review_end = (answer.review and answer.review.expires_at) or answer.grant.expires_at
    ends = [now + at_most] if at_most is not None else []
    if review_end:
        ends.append(datetime.fromisoformat(review_end).timestamp() + _GRACE_SECONDS)
    return min(ends, default=float("inf"))


def pending_problem(answer: GrantResponse, now: float) -> ReviewPending:
    """Return the problem that a grant is under review and the command does not wait. `now` is in epoch seconds."""
    number = answer.grant.id
    waits = pending_wording.waits_for(answer)
    detail = (
        f"Grant {pending_wording.pending(answer, now)}. The request stays open.{f' It waits {waits}' if waits else ''}"
    )
    use = pending_wording.use_command(answer.grant)
    fix = (
        f"Wait with `jitney grants show {number} --wait`, then use it with `{use}`. "
        "With a profile, run the AWS command again."
    )
    return ReviewPending("grant_pending", "The grant is still under review", detail, fix, answer.document())


def ended_problem(grant: ApiGrant) -> ClientProblem:
    """Return the problem that a grant is not active, with the words of the reviewer or operator who ended it."""
    said = [(vote.human, vote.comment) for vote in grant.votes if vote.verdict == "reject"]
    if grant.ending:
        said = [(grant.ending.by, grant.ending.reason)]
    who, words = said[-1] if said else ("the reviewers", "")
    by_people: Mapping[str, type[ClientProblem]] = {"rejected": Rejected, "revoked": Revoked}
    what = "failed" if grant.state == "failed" else f"is {grant.state}"
    detail = f"Grant {grant.id} {what}{f': {words}' if words else ''}."
    extras = {"grant": grant.document()}
    fix = ENDED_FIXES.get(grant.state, "Make a new request.").format(who=who)
    kind = by_people.get(grant.state, GrantEnded)
    return kind(f"grant_{grant.state}", "The grant is not active", detail, fix, extras)
