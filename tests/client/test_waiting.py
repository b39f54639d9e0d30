"""Waiting for a review, on a clock of the test."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from jitney.client.api.polling import wait_for_decision
from jitney.client.api.responses import GrantResponse
from jitney.client.problems import ClientProblem, ReviewPending, Unavailable
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
    holds: Clock | None = None
    held: list[int] = field(default_factory=list)

    def grant(self, grant_id: str, wait_seconds: int = 0) -> GrantResponse:
        self.ids.append(grant_id)
        self.held.append(wait_seconds)
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, ClientProblem):
            raise state
        if self.holds and state == "pending":
            self.holds.now += wait_seconds
        return GrantResponse.read({"grant": grant(state)}, self.retry_seconds, held=self.holds is not None)


def waiting(
    broker: Polled, clock: Clock, at_most: float | None = None, retry: int = 7
) -> tuple[GrantResponse, list[object]]:
    shown: list[object] = []
    start = GrantResponse.read(under_review(), retry)
    end = wait_for_decision(
        broker, start, lambda answer, trouble: shown.append((answer.grant.state, trouble)), at_most, clock, clock.sleep
    )
    return end, shown


def test_cli_03_polls_ever_more_rarely_where_the_broker_does_not_hold_its_answers():
    clock, broker = Clock(), Polled(["pending"] * 7 + ["active"])
    answer, shown = waiting(broker, clock)
    assert answer.grant.state == "active"
    assert clock.pauses == [5, 7.5, 11.25, 16.875, 25.3125, 30, 30]
    assert shown == [("pending", None)] * 7 + [("active", None)]
    assert set(broker.ids) == {GRANT_ID}


def test_cli_03_asks_again_at_once_where_the_broker_holds_its_answers():
    clock = Clock()
    broker = Polled(["pending", "pending", "active"], holds=clock)
    answer, _ = waiting(broker, clock)
    assert answer.grant.state == "active"
    assert (clock.pauses, broker.held) == ([], [10, 10, 10])


def test_cli_03_the_broker_is_asked_to_hold_no_longer_than_the_wait():
    clock = Clock()
    broker = Polled(["pending"], holds=clock)
    with pytest.raises(ReviewPending):
        waiting(broker, clock, at_most=23)
    assert (clock.pauses, broker.held) == ([], [10, 10, 3])


def test_never_more_often_than_once_a_second():
    clock = Clock()
    waiting(Polled(["pending", "pending", "active"], retry_seconds=0), clock, retry=0)
    assert clock.pauses == [1, 1.5]


def test_cli_03_a_broker_that_only_claims_to_hold_its_answers_is_not_asked_in_a_loop():
    clock = Clock()
    broker = Polled(["pending", "pending", "active"], holds=Clock(), retry_seconds=0)
    waiting(broker, clock, retry=0)
    assert clock.pauses == [1, 1.5]


def test_who_was_asked_is_not_forgotten_between_polls():
    answer, _ = waiting(Polled(["pending", "rejected"]), Clock())
    assert answer.review is not None
    assert answer.review.any_of == (("data-owners",),)


def test_an_outage_of_the_broker_is_shown_and_outlived():
    answer, shown = waiting(Polled([AWAY, AWAY, "active"]), Clock())
    assert answer.grant.state == "active"
    assert shown == [("pending", AWAY), ("pending", AWAY), ("active", None)]


def test_cli_03_after_an_outage_beyond_the_end_of_the_wait_the_broker_is_asked_once_more():
    """The machine slept while the broker held its answer."""
    clock = Clock()

    class Asleep(Polled):
        def grant(self, grant_id: str, wait_seconds: int = 0) -> GrantResponse:
            clock.now += 8 * 3600
            return super().grant(grant_id, wait_seconds)

    answer, _ = waiting(Asleep([AWAY, "active"]), clock)
    assert answer.grant.state == "active"
    clock, broker = Clock(), Asleep([AWAY])
    with pytest.raises(ReviewPending):
        waiting(broker, clock, at_most=20)
    assert len(broker.ids) == 2


def test_any_other_problem_ends_the_wait():
    with pytest.raises(ReviewPending):
        waiting(Polled([ReviewPending("x", "x", "x")]), Clock())


def test_the_wait_ends_with_the_time_given():
    clock = Clock()
    with pytest.raises(ReviewPending) as ended:
        waiting(Polled(["pending"]), clock, at_most=20)
    assert sum(clock.pauses) == 20
    assert ended.value.detail == (
        f"Grant {GRANT_ID} is under review by data-owners until 13:00:00 UTC (in 59m40s). "
        f"The request stays open. It waits for corp.alice at https://jitney.example.com/reviews/{GRANT_ID}"
    )
    assert ended.value.extras["review"] == REVIEW


def test_cli_03_a_short_wait_is_waited_and_asks_once_at_its_end():
    clock, broker = Clock(), Polled(["pending", "active"])
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
