"""How long a call is repeated or waits, and what happens when its client is gone (rows GW 6 and GW 11)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from jitney.client.api.broker_clock import BrokerClock
from jitney.client.api.responses import GrantResponse
from jitney.client.gateway.call_answers import CallUnderReview
from jitney.client.gateway.calling import IN_PROGRESS_SECONDS, AbandonedError, CallSender
from jitney.client.gateway.wire_parser import ParsedCall
from jitney.client.problems import ClientProblem, GrantEnded
from tests.client.fake_broker import grant
from tests.client.gateway.aws_behind import MODELS
from tests.client.gateway.conftest import GRANT_ID

CALL = ParsedCall("s3", MODELS.operation("s3", "DeleteObject"), "eu-west-1", {"Bucket": "b", "Key": "k"}, "rest-xml")
PENDING = CallUnderReview("c-abcdefghijklm2", GrantResponse.read({"grant": grant("pending")}), retry_seconds=30)
IN_PROGRESS = ClientProblem(
    "call_in_progress", "t", "Another attempt is sending it.", "Repeat it.", {"retry_seconds": 5}
)


@dataclass
class Broker:
    """Gives the same answer to each call, and holds no answer about a grant."""

    answer: Any
    clock: BrokerClock = field(default_factory=BrokerClock)
    calls: int = 0
    reads: int = 0

    def call(self, _document: Mapping[str, Any], _key: str) -> Any:
        self.calls += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def grant(self, _grant_id: str, _seconds: int) -> GrantResponse:
        self.reads += 1
        return PENDING.child


@dataclass
class Clock:
    """A clock that only sleeping moves."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


def send(broker: Broker, connected: Callable[[], bool], clock: Clock | None = None) -> Any:
    clock = clock or Clock()
    sender = CallSender(
        broker,
        lambda _key: GRANT_ID,
        lambda _line: None,
        clock=lambda: clock.now,
        sleep=clock.sleep,  # type: ignore[arg-type]
    )
    return sender.send(CALL, "key", connected)


def connected_for(looks: int) -> Callable[[], bool]:
    left = iter([True] * looks)
    return lambda: next(left, False)


def test_gw_06_the_call_of_a_client_that_is_gone_is_not_sent():
    broker = Broker(PENDING)
    with pytest.raises(AbandonedError):
        send(broker, connected_for(0))
    assert broker.calls == 0


@pytest.mark.parametrize(
    ("looks", "reads"), [(1, 0), (2, 1), (5, 1)], ids=["after the answer", "after a read", "later"]
)
def test_gw_11_a_wait_ends_when_its_client_is_gone(looks: int, reads: int):
    broker, clock = Broker(PENDING), Clock()
    with pytest.raises(AbandonedError):
        send(broker, connected_for(looks), clock)
    assert (broker.calls, broker.reads) == (1, reads)
    assert clock.now <= 1


def test_gw_06_a_call_that_another_attempt_is_sending_is_repeated_for_a_limited_time():
    broker, clock = Broker(IN_PROGRESS), Clock()
    with pytest.raises(ClientProblem) as caught:
        send(broker, lambda: True, clock)
    assert caught.value.code == "call_in_progress"
    assert IN_PROGRESS_SECONDS < clock.now <= IN_PROGRESS_SECONDS + 5
    assert broker.calls == IN_PROGRESS_SECONDS / 5 + 2


def test_gw_06_another_problem_is_raised_at_once():
    broker = Broker(GrantEnded("grant_ended", "t", "The grant has ended.", "Request another."))
    with pytest.raises(GrantEnded):
        send(broker, lambda: True)
    assert broker.calls == 1
