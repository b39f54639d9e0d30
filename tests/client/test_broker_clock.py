"""The broker's time, on a machine whose clock is wrong."""

import inspect
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import pytest

from jitney.client.api.broker import Broker
from jitney.client.api.broker_clock import BrokerClock
from jitney.client.api.connection import HttpResponse
from jitney.client.api.grant_request import ApiPermission, GrantRequest
from jitney.client.api.polling import wait_for_decision
from jitney.client.api.responses import GrantResponse
from jitney.client.api.token_auth import TokenAuth
from jitney.client.background.process import BackgroundService
from jitney.client.gateway.calling import CallSender
from jitney.client.holding.held_grant import HeldGrant
from jitney.client.holding.holding import note_wrong_clock
from jitney.client.mcp.opened_grants import OpenedGrants
from jitney.client.tokens.variable import VariableToken
from tests.client.fake_broker import CREDENTIALS, GRANT_ID, REVIEW, FakeBroker, ended, grant, issued

TRUE = 1_800_000_000.25
NEED = GrantRequest("analytics-prod", (ApiPermission(("s3:GetObject",), ("*",)),), 300, "monthly report")


@dataclass
class Machine:
    """A machine whose clock is `ahead` of the true time. It may sleep, and `steady` stops meanwhile."""

    ahead: float = 0
    passed: float = 0
    slept: float = 0

    @property
    def true(self) -> float:
        return TRUE + self.passed + self.slept

    def clock(self) -> BrokerClock:
        return BrokerClock(lambda: self.true + self.ahead, lambda: 77 + self.passed)

    def answer(self, seconds: float = 0.5) -> Callable[[], HttpResponse]:
        """Return an exchange of `seconds`, whose answer has a Date from its middle."""

        def exchange() -> HttpResponse:
            self.passed += seconds
            date = formatdate(int(self.true - seconds / 2), usegmt=True)
            return HttpResponse("http://127.0.0.1", 200, {"date": date})

        return exchange


@pytest.mark.skipif(sys.platform == "win32", reason="there is one clock")
def test_the_time_in_which_the_machine_sleeps_counts_and_a_set_clock_does_not(monkeypatch: pytest.MonkeyPatch):
    counts_sleep = time.CLOCK_BOOTTIME if sys.platform == "linux" else time.CLOCK_MONOTONIC
    passed = {counts_sleep: 8 * 3600.0}
    monkeypatch.setattr(time, "clock_gettime", passed.__getitem__)
    for each in (TokenAuth, CallSender):
        assert inspect.signature(each).parameters["clock"].default() == 8 * 3600.0
    assert inspect.signature(BrokerClock).parameters["steady"].default() == 8 * 3600.0
    broker = Broker("http://127.0.0.1", VariableToken("t", ""))
    service = BackgroundService(HeldGrant(broker, GRANT_ID), lambda _: {})
    passed[counts_sleep] += 3600
    assert service.idle_seconds() == 3600


@pytest.mark.parametrize("ahead", [-7200, -600, -3, -0.5, 0, 0.5, 3, 600, 7200])
def test_cli_06_the_broker_s_time_is_known_from_its_answers(ahead: float):
    machine = Machine(ahead)
    clock = machine.clock()
    assert clock.now() == machine.true + ahead
    clock.timed(machine.answer())
    for machine.passed in (1, 300):
        assert clock.now() == pytest.approx(machine.true, abs=1.5)
        assert clock.ahead() == pytest.approx(ahead, abs=1.5)


def test_cli_06_a_clock_that_may_be_right_counts_as_right():
    machine = Machine()
    clock = machine.clock()
    clock.timed(machine.answer(0.01))
    assert clock.now() == machine.true
    clock.timed(machine.answer(20))
    assert clock.now() == machine.true


def test_cli_06_time_goes_on_while_the_machine_sleeps_and_when_its_clock_is_set_back():
    machine = Machine(600)
    clock = machine.clock()
    clock.timed(machine.answer())
    machine.slept = 3600
    assert clock.now() == pytest.approx(machine.true, abs=1.5)
    clock.timed(machine.answer())
    machine.ahead, machine.passed = 0, machine.passed + 100
    assert clock.now() == pytest.approx(machine.true, abs=1.5)


@pytest.mark.parametrize("headers", [{}, {"date": ""}, {"date": "today"}, {"date": "Mon, 99 Jan 2026 00:00:00 GMT"}])
def test_cli_06_an_answer_without_a_date_changes_nothing(headers: dict[str, str]):
    machine = Machine(600)
    clock = machine.clock()
    clock.timed(machine.answer())
    before = clock.now()
    clock.timed(lambda: HttpResponse("http://127.0.0.1", 200, headers))
    assert clock.now() == before


HOUR = timedelta(hours=1)


@pytest.fixture
def ahead(broker: FakeBroker) -> Broker:
    """A broker whose grants last five minutes, on a machine whose clock is an hour ahead of the broker's."""
    broker.ahead = -HOUR.total_seconds()
    end = (datetime.now(UTC) - HOUR + timedelta(minutes=5)).isoformat()
    active = issued(expires_at=end) | {"credentials": CREDENTIALS | {"expiration": end}}
    broker.say("POST", "/v1/grants", 201, active)
    broker.say("GET", f"/v1/grants/{GRANT_ID}", 200, active)
    broker.say("DELETE", f"/v1/grants/{GRANT_ID}", 200, ended())
    return Broker(broker.url, VariableToken("one.two.three"))


def test_cli_06_a_clock_that_is_ahead_requests_once_and_releases(broker: FakeBroker, ahead: Broker):
    held = HeldGrant(ahead, NEED)
    assert {held.credentials().access_key_id for _ in range(3)} == {CREDENTIALS["access_key_id"]}
    assert len(broker.calls("POST", "/v1/grants")) == 1
    assert [answer.grant.state for answer in held.release()] == ["released"]


def test_cli_06_a_server_whose_clock_is_ahead_releases(broker: FakeBroker, ahead: Broker):
    opened = OpenedGrants(ahead)
    opened.request(NEED)
    assert opened.request(NEED)[1]
    opened.release_all(5)
    assert len(broker.calls("DELETE", f"/v1/grants/{GRANT_ID}")) == 1


def test_cli_03_a_clock_that_is_ahead_waits_until_the_review_s_end(ahead: Broker):
    ahead.grant(GRANT_ID)
    end = (datetime.now(UTC) - HOUR + timedelta(minutes=30)).isoformat()
    pending = GrantResponse.read({"grant": grant("pending"), "review": REVIEW | {"expires_at": end}})
    assert wait_for_decision(ahead, pending, lambda *_: None, sleep=lambda _: None).grant.state == "active"


def test_cli_06_a_wrong_clock_is_named(ahead: Broker, capsys: pytest.CaptureFixture[str]):
    note_wrong_clock(ahead)
    assert not capsys.readouterr().err
    ahead.grant(GRANT_ID)
    note_wrong_clock(ahead)
    said = capsys.readouterr().err
    assert "this machine's clock is" in said
    assert "ahead of the broker's" in said
