"""Waiting for a review, on a clock of the test."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from jitney.client.polling import wait_for_decision
from jitney.client.problems import ClientProblem, ReviewPending, Unavailable
from jitney.client.responses import GrantResponse
from tests.client.fake_broker import GRANT_ID, REVIEW, grant, under_review

END = datetime.fromisoformat(REVIEW["expires_at"]).timestamp()
AWAY = Unavailable("no_response", "No answer", "It is away.")


@dataclass
class Clock:
    now: float = END - 3600
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@dataclass
class Polled:
    """A broker whose grant has one of these states at each poll. The last one stays."""

    states: list[str | ClientProblem]
    retry_seconds: int = 5
    ids: list[str] = field(default_factory=list)

    def grant(self, grant_id: str) -> GrantResponse:
        self.ids.append(grant_id)
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, ClientProblem):
            raise state
        return GrantResponse.read({"grant": grant(state)}, self.retry_seconds)


def waiting(
    broker: Polled, clock: Clock, at_most: float | None = None, retry: int = 7
) -> tuple[GrantResponse, list[object]]:
    told: list[object] = []
    start = GrantResponse.read(under_review(), retry)
    end = wait_for_decision(
        broker, start, lambda answer, trouble: told.append((answer.grant.state, trouble)), at_most, clock, clock.sleep
    )
    return end, told


def test_cli_03_polls_as_rarely_as_the_broker_says():
    clock, broker = Clock(), Polled(["pending", "pending", "active"])
    answer, told = waiting(broker, clock)
    assert answer.grant.state == "active"
    assert clock.pauses == [7, 5, 5]
    assert told == [("pending", None), ("pending", None), ("active", None)]
    assert set(broker.ids) == {GRANT_ID}


def test_never_more_often_than_once_a_second():
    clock = Clock()
    waiting(Polled(["pending", "active"], retry_seconds=0), clock, retry=0)
    assert clock.pauses == [1, 1]


def test_who_was_asked_is_not_forgotten_between_polls():
    answer, _ = waiting(Polled(["pending", "rejected"]), Clock())
    assert answer.review is not None
    assert answer.review.any_of == (("data-owners",),)


def test_an_outage_of_the_broker_is_shown_and_outlived():
    answer, told = waiting(Polled([AWAY, AWAY, "active"]), Clock())
    assert answer.grant.state == "active"
    assert told == [("pending", AWAY), ("pending", AWAY), ("active", None)]


def test_any_other_problem_ends_the_wait():
    with pytest.raises(ReviewPending):
        waiting(Polled([ReviewPending("x", "x", "x")]), Clock())


def test_the_wait_ends_with_the_time_given():
    clock = Clock()
    with pytest.raises(ReviewPending) as ended:
        waiting(Polled(["pending"]), clock, at_most=20)
    assert sum(clock.pauses) == 20
    assert ended.value.detail == (
        f"Grant {GRANT_ID} is under review by data-owners until 13:00:00 UTC (in 59m40s). The request stays open."
    )
    assert ended.value.extras["review"] == REVIEW | {"any_of": (("data-owners",),), "approved": (), "escalated_to": ()}


def test_cli_03_a_short_wait_is_waited_and_asks_once_at_its_end():
    clock, broker = Clock(), Polled(["active"])
    answer, _ = waiting(broker, clock, at_most=3)
    assert (answer.grant.state, clock.pauses) == ("active", [3])


def test_the_wait_ends_a_minute_after_the_review_though_the_broker_says_pending():
    clock = Clock()
    with pytest.raises(ReviewPending):
        waiting(Polled(["pending"]), clock)
    assert END < clock.now <= END + 60


def test_a_grant_without_a_review_waits_until_the_grants_own_end():
    clock = Clock(datetime(2099, 11, 24, 12, 0, tzinfo=UTC).timestamp())
    start = GrantResponse.read({"grant": grant("pending")})
    with pytest.raises(ReviewPending):
        wait_for_decision(Polled(["pending"]), start, lambda *_: None, None, clock, clock.sleep)
    assert sum(clock.pauses) == 360


def test_what_is_decided_is_not_waited_for():
    clock = Clock()
    active = GrantResponse.read({"grant": grant()})
    assert wait_for_decision(Polled(["active"]), active, lambda *_: None, None, clock, clock.sleep) is active
    assert not clock.pauses
