"""`HeldGrant` with a broker in memory and a clock that the test moves."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from jitney.client.api.grant_request import ApiPermission, GrantRequest
from jitney.client.api.responses import ApiCredentials, ApiGrant, GrantResponse, GrantWithCredentials
from jitney.client.background.process import BackgroundService
from jitney.client.gateway.received import ReceivedRequest
from jitney.client.holding import held_grant
from jitney.client.holding.grant_memory import GrantMemory
from jitney.client.holding.held_grant import HeldGrant
from jitney.client.holding.slices import Slices
from jitney.client.problems import (
    ClientProblem,
    Denied,
    GrantEnded,
    Invalid,
    Rejected,
    ReviewPending,
    Revoked,
    Unavailable,
)

pytestmark = pytest.mark.usefixtures("home")
START = 1_800_000_000.0
NEED = GrantRequest("analytics-prod", (ApiPermission(("s3:GetObject",), ("*",)),), 3600, "monthly report")
MINUTES = Slices(seconds=60, margin=20)


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


@dataclass
class MemoryBroker:
    """Grants what is requested, unless the test says otherwise, and counts."""

    now: float = START
    way: str = "credentials"
    pending: bool = False
    problem: ClientProblem | None = None
    log: list[str] = field(default_factory=list)
    grants: dict[str, tuple[str, float]] = field(default_factory=dict)
    keys: dict[str, float] = field(default_factory=dict)
    in_flight: Callable[[], None] = lambda: None
    forbidden_from: float = float("inf")
    also: dict[str, Any] = field(default_factory=dict)
    clock: Any = None
    token_end: float = float("inf")
    starts: dict[str, float] = field(default_factory=dict)
    holder: dict[str, Any] = field(default_factory=lambda: {"principal": "corp.reader"})

    def _grant(self, number: str, seconds: int = 3600) -> ApiGrant:
        state, end = self.grants[number]
        state = "expired" if state == "active" and self.now >= end else state
        start = None if state == "pending" else iso(self.starts.get(number, START))
        return ApiGrant(
            number,
            state,
            "analytics-prod",
            (),
            seconds,
            iso(START),
            iso(end),
            starts_at=start,
            way=self.way,
            **self.holder,
        )

    def _issued(self, number: str, seconds: int | None) -> ApiCredentials:
        end = min(self.grants[number][1], self.now + (seconds or 3600))
        key = f"key-{len(self.keys)}"
        self.keys[key] = end
        return ApiCredentials(key, "secret", "token", iso(end))

    def _called(self, name: str) -> None:
        self.log.append(name)
        self.in_flight()
        if self.problem:
            raise self.problem

    def request(self, request: GrantRequest, *, credential_seconds: int | None = None) -> GrantResponse:
        self._called("request")
        if self.now + request.duration_seconds > self.forbidden_from:
            passing = {"longest_seconds": max(0, int(self.forbidden_from - self.now))}
            raise Denied("denied", "Policy denies it", "", extras=passing | self.also)
        number = f"g-{len(self.grants)}"
        state = "pending" if self.pending else "active"
        self.grants[number] = (state, min(self.now + request.duration_seconds, self.token_end))
        self.starts[number] = self.now
        grant = self._grant(number, request.duration_seconds)
        if state == "pending" or self.way == "gateway":
            return GrantResponse(grant)
        return GrantResponse(grant, self._issued(number, credential_seconds))

    def credentials(self, number: str, *, credential_seconds: int | None = None) -> GrantWithCredentials:
        self._called(f"credentials {number}")
        grant = self._grant(number)
        if grant.state == "pending":
            raise ReviewPending("grant_pending", "Pending", "")
        if grant.state != "active":
            kind = {"rejected": Rejected, "revoked": Revoked}.get(grant.state, GrantEnded)
            raise kind(f"grant_{grant.state}", "Ended", "")
        if self.way == "gateway":
            raise Invalid("gateway_grant", "No credentials", "")
        return GrantWithCredentials(grant, self._issued(number, credential_seconds))

    def grant(self, number: str) -> GrantResponse:
        self._called(f"grant {number}")
        return GrantResponse(self._grant(number))

    def release(self, number: str) -> GrantResponse:
        self._called(f"release {number}")
        if self.grants[number][0] == "active":
            self.grants[number] = ("released", self.now)
        return GrantResponse(self._grant(number))

    def becomes(self, state: str, number: str = "g-0") -> None:
        self.grants[number] = (state, self.grants[number][1])


def held(broker: Any, need: GrantRequest | str = NEED, **more: Any) -> HeldGrant:
    broker.clock = SimpleNamespace(now=more.pop("clock", lambda: broker.now))
    given: dict[str, Any] = {"slices": MINUTES, "aside": lambda act: act()} | more
    return HeldGrant(broker, need, **given)


@pytest.fixture
def broker() -> MemoryBroker:
    return MemoryBroker()


def test_cli_04_an_hour_of_constant_calls_in_slices_of_a_minute_meets_no_expired_key(broker: MemoryBroker):
    grant = held(broker)
    for _ in range(3 * 3600):
        key = grant.credentials().access_key_id
        assert broker.keys[key] - broker.now > MINUTES.usable
        broker.now += 1
    assert broker.log.count("request") == 4  # one an hour, and the last begins before the third hour's end
    assert len(broker.keys) <= 3 * 3600 / 40 + 4


def test_cli_06_when_the_process_is_killed_its_keys_end_with_the_slice(broker: MemoryBroker):
    grant = held(broker)
    for _ in range(200):
        grant.credentials()
        broker.now += 1
    assert max(broker.keys.values()) <= broker.now + MINUTES.seconds


@pytest.mark.parametrize("way", ["credentials", "gateway"])
def test_cli_04_a_clock_that_is_set_forward_requests_no_other_grant(broker: MemoryBroker, way: str):
    """The clock is wrong until the broker's next answer, which has a Date."""
    broker.way, ahead = way, [0.0]
    broker.in_flight = ahead.clear
    grant = held(broker, replace(NEED, way=way), clock=lambda: broker.now + sum(ahead))
    grant.grant()
    ahead.append(8 * 3600.0)
    assert grant.grant().id == "g-0"
    assert broker.log.count("request") == 1


def test_end_01_a_clock_that_is_set_forward_leaves_no_grant_behind(broker: MemoryBroker):
    ahead = [0.0]
    grant = held(broker, clock=lambda: broker.now + sum(ahead))
    grant.grant()
    ahead.append(8 * 3600.0)
    grant.release()
    assert broker.log[-1] == "release g-0"


def test_a_grant_that_ended_while_the_machine_slept_is_requested_again(broker: MemoryBroker):
    grant = held(broker)
    grant.grant()
    broker.now += 8 * 3600
    assert grant.grant().id == "g-1"


@pytest.mark.parametrize("way", ["credentials", "gateway"])
def test_end_01_no_grant_follows_a_revoked_one_that_is_as_short_as_a_slice(broker: MemoryBroker, way: str):
    broker.way = way
    grant = held(broker, replace(NEED, duration_seconds=60, way=way))
    grant.grant()
    broker.becomes("revoked")
    broker.now += 50
    grant.grant()  # the renewal fails aside, and the endpoint has no other key
    broker.now += 10
    with pytest.raises(Denied, match="revoked"):
        grant.grant()
    assert broker.log.count("request") == 1


def test_cli_04_twenty_calls_take_one_key(broker: MemoryBroker):
    grant = held(broker)
    assert {grant.credentials().access_key_id for _ in range(20)} == {"key-0"}
    assert broker.log == ["request"]


def test_cli_04_callers_that_wait_at_once_cause_one_request():
    entered, go_on = threading.Event(), threading.Event()
    broker = MemoryBroker(in_flight=lambda: (entered.set(), go_on.wait(10))[0])
    grant, keys = held(broker), []
    threads = [threading.Thread(target=lambda: keys.append(grant.credentials().access_key_id)) for _ in range(16)]
    for thread in threads:
        thread.start()
    assert entered.wait(10)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert (keys, broker.log) == (["key-0"] * 16, ["request"])


def test_cli_04_callers_get_present_keys_while_the_next_are_fetched(broker: MemoryBroker):
    acts: list[Callable[[], None]] = []
    grant = held(broker, aside=acts.append)
    grant.credentials()
    broker.now += 45
    assert grant.credentials().access_key_id == "key-0"
    acts[0]()
    assert grant.credentials().access_key_id == "key-1"
    assert broker.log == ["request", "credentials g-0"]


def test_an_outage_is_survived_until_the_slice_ends_and_is_asked_about_every_few_seconds(broker: MemoryBroker):
    problems: list[ClientProblem] = []
    grant = held(broker, on_failure=problems.append)
    grant.credentials()
    broker.problem = Unavailable("no_response", "No answer", "")
    for _ in range(54):
        assert grant.credentials().access_key_id == "key-0"
        broker.now += 1
    assert 2 <= len(problems) == len(broker.log) - 1 <= 4
    broker.now += 5
    with pytest.raises(Unavailable):
        grant.credentials()
    broker.problem = None
    broker.now += 10
    assert grant.credentials().access_key_id == "key-1"


def test_a_grant_continues_as_another_before_it_ends_and_says_so(broker: MemoryBroker):
    continued: list[ApiGrant] = []
    grant = held(broker, on_new_grant=continued.append)
    while len(continued) < 2:
        grant.credentials()
        broker.now += 10
    assert [each.id for each in continued] == ["g-1", "g-2"]
    assert broker.now < START + 2 * 3600


def test_pol_15_the_last_grant_before_a_time_window_is_as_long_as_policies_permit(broker: MemoryBroker):
    broker.forbidden_from = START + 2.5 * 3600
    continued: list[ApiGrant] = []
    grant = held(broker, on_new_grant=continued.append)
    while broker.now < broker.forbidden_from - 60:
        key = grant.credentials().access_key_id
        assert broker.now < broker.keys[key] <= broker.forbidden_from
        broker.now += 1
    assert len(continued) == 2
    assert 1800 < continued[1].duration_seconds < 1900
    broker.now = broker.forbidden_from
    with pytest.raises(Denied):
        grant.credentials()
    assert broker.log.count("request") == len(broker.grants) + 2  # the third as a whole, and after it the fourth


def test_pol_15_no_shorter_grant_replaces_one_that_lasts_as_long(broker: MemoryBroker):
    """A profile requests the next grant 16 minutes before the end of the present one."""
    broker.forbidden_from = START + 3600
    grant = held(broker, slices=Slices(seconds=1200, margin=960))
    while broker.now < START + 3590:
        assert broker.keys[grant.credentials().access_key_id] > broker.now
        broker.now += 10
    assert len(broker.grants) == 1


def test_pol_15_a_first_request_is_not_shortened(broker: MemoryBroker):
    """A person sees its denial, and the command for the shorter one."""
    broker.forbidden_from = START + 1800
    with pytest.raises(Denied):
        held(broker).credentials()
    assert broker.log == ["request"]


def test_pol_15_the_next_request_is_not_shortened_if_only_a_part_of_it_would_pass(broker: MemoryBroker):
    broker.forbidden_from, broker.also = START + 1.5 * 3600, {"allowed_subset": [NEED.permissions[0].document()]}
    grant = held(broker)
    grant.credentials()
    broker.now += 3600
    with pytest.raises(Denied):
        grant.credentials()
    assert broker.log.count("request") == 2


def test_a_grant_shorter_than_a_slice_is_replaced_in_its_last_third(broker: MemoryBroker):
    grant = held(broker, slices=Slices(seconds=1200, margin=960), need=GrantRequest(**short(300)))
    for _ in range(600):
        grant.credentials()
        broker.now += 1
    assert broker.log == ["request", "grant g-0", "request", "grant g-1", "request"]


@pytest.mark.parametrize("way", ["credentials", "gateway"])
def test_cli_04_a_grant_that_ends_with_its_token_is_not_requested_for_each_call(broker: MemoryBroker, way: str):
    """The token ends sooner than the margin, and every grant ends with it."""
    broker.way, broker.token_end = way, START + 15
    grant = held(broker, replace(NEED, way=way))
    for _ in range(30):
        grant.grant()
        broker.now += 0.5
    assert broker.log.count("request") == 2
    broker.token_end = float("inf")
    assert grant.grant().id == "g-2"


def test_cli_04_a_remembered_grant_in_its_last_seconds_is_replaced_at_once(broker: MemoryBroker):
    broker.grants["g-0"] = ("active", START + 3)
    key = held(broker, memory=GrantMemory("g-0")).credentials().access_key_id
    assert broker.keys[key] == START + 60


def test_keys_that_ended_before_they_arrived_are_not_given(broker: MemoryBroker):
    broker.grants["g-0"] = ("active", START + 300)
    grant = held(broker, "g-0", clock=lambda: broker.now + 400)
    with pytest.raises(Unavailable, match="ended before they arrived"):
        grant.credentials()


def test_cli_07_a_clock_that_was_ahead_during_an_outage_prolongs_no_pause(broker: MemoryBroker):
    ahead, broker.problem = [8 * 3600.0], Unavailable("no_response", "No answer", "")
    grant = held(broker, clock=lambda: broker.now + sum(ahead))
    with pytest.raises(Unavailable):
        grant.credentials()
    ahead.clear()
    broker.problem = None
    assert grant.credentials().access_key_id == "key-0"


def test_cli_07_the_traceback_of_a_problem_does_not_grow(broker: MemoryBroker):
    broker.problem = Rejected("rejected_before", "It was rejected before", "Not during the audit.")
    grant, lengths = held(broker), set()
    for _ in range(5):
        with pytest.raises(Rejected) as caught:
            grant.credentials()
        lengths.add(len(caught.traceback))
    assert len(lengths) <= 2


@pytest.mark.parametrize("other", [{"principal": "corp.writer"}, {"human": "corp.bob"}])
def test_cli_01_no_grant_of_another_holder_of_the_token_continues_a_grant(broker: MemoryBroker, other: dict[str, str]):
    grant = held(broker, replace(NEED, duration_seconds=60))
    grant.credentials()
    broker.holder |= other
    broker.now += 57
    for _ in range(20):
        with pytest.raises(Invalid, match="Another agent"):
            grant.credentials()
        broker.now += 60
    assert broker.log.count("request") == 1 + 1
    assert len(grant.release()) == 2


def short(seconds: int) -> dict[str, Any]:
    return {"target": NEED.target, "permissions": NEED.permissions, "duration_seconds": seconds, "reason": NEED.reason}


def test_cli_03_a_review_is_pending_until_it_is_decided_and_never_requested_twice(broker: MemoryBroker):
    broker.pending = True
    grant = held(broker)
    for _ in range(30):
        with pytest.raises(ReviewPending) as caught:
            grant.credentials()
        broker.now += 1
    assert caught.value.extras["grant"]["id"] == "g-0"
    assert broker.log.count("request") == 1
    assert len(broker.log) < 20
    broker.becomes("active")
    broker.now += 5
    assert grant.credentials().access_key_id == "key-0"


def test_cli_03_begin_waits_for_the_review_with_what_it_is_given(broker: MemoryBroker):
    broker.pending = True

    def approve(answer: GrantResponse) -> GrantResponse:
        broker.becomes("active")
        return broker.grant(answer.grant.id)

    assert held(broker).begin(approve).state == "active"


def test_cli_03_a_grant_that_is_approved_between_two_calls_has_its_keys(broker: MemoryBroker):
    """The broker says that the review is open, and then that the grant is active."""
    broker.pending = True
    grant = held(broker)
    with pytest.raises(ReviewPending):
        grant.credentials()
    broker.now += 10
    broker.in_flight = lambda: broker.becomes("active") if broker.log[-1] == "grant g-0" else None
    assert grant.credentials().access_key_id == "key-0"


def test_a_review_of_the_next_grant_leaves_the_present_one_its_time(broker: MemoryBroker):
    grant = held(broker)
    grant.credentials()
    broker.now = START + 3521
    grant.credentials()
    broker.now, broker.pending = START + 3580.5, True
    for _ in range(14):
        assert broker.keys[grant.credentials().access_key_id] == START + 3600
        broker.now += 1
    assert broker.log.count("request") == 2
    broker.now = START + 3600
    with pytest.raises(ReviewPending):
        grant.credentials()


@pytest.mark.parametrize("state", ["rejected", "revoked"])
def test_after_a_rejection_or_revocation_nothing_is_requested_again(broker: MemoryBroker, state: str):
    grant = held(broker)
    grant.credentials()
    broker.becomes(state)
    broker.now += 60
    for _ in range(100):
        with pytest.raises(Denied):
            grant.credentials()
        broker.now += 60
    assert broker.log == ["request", "credentials g-0"]


def test_after_a_repeated_rejection_nothing_is_requested_again(broker: MemoryBroker):
    broker.problem = Rejected("rejected_before", "It was rejected before", "Not during the audit.")
    grant = held(broker)
    for _ in range(100):
        with pytest.raises(Denied):
            grant.credentials()
        broker.now += 60
    assert broker.log == ["request"]


def test_end_01_release_ends_all_of_them_once_and_nothing_is_given_after_it(broker: MemoryBroker):
    grant = held(broker)
    grant.credentials()
    broker.now += 3585
    grant.credentials()  # the rest of the first grant
    grant.credentials()
    assert [answer.grant.state for answer in grant.release()] == ["released"] * 2
    assert grant.release() == ()
    with pytest.raises(GrantEnded):
        grant.credentials()
    assert [each for each in broker.log if each.startswith("release")] == ["release g-0", "release g-1"]


def test_end_01_a_grant_that_arrives_after_the_release_is_released(
    broker: MemoryBroker, monkeypatch: pytest.MonkeyPatch
):
    """The release does not wait for ever for a renewal that is in progress."""
    monkeypatch.setattr(held_grant, "RELEASE_SECONDS", 0.0)
    grant = held(broker)
    broker.in_flight = lambda: grant.release() and None if broker.log == ["request"] else None
    for _ in range(2):
        with pytest.raises(GrantEnded, match="released"):
            grant.credentials()
    assert broker.log == ["request", "release g-0"]


def test_end_01_a_second_release_waits_for_the_first(broker: MemoryBroker):
    grant = held(broker)
    grant.credentials()
    entered, go_on = threading.Event(), threading.Event()
    broker.in_flight = lambda: (entered.set(), go_on.wait(10))[0]
    first, second = (threading.Thread(target=grant.release) for _ in range(2))
    first.start()
    assert entered.wait(10)
    second.start()
    second.join(0.1)
    assert second.is_alive()
    go_on.set()
    for each in (first, second):
        each.join(10)
    assert broker.log == ["request", "release g-0"]


def test_end_01_a_release_that_fails_is_raised_after_the_others(broker: MemoryBroker):
    grant = held(broker)
    grant.credentials()
    broker.problem = Unavailable("no_response", "No answer", "")
    with pytest.raises(Unavailable):
        grant.release()
    assert grant.release() == ()


@pytest.mark.parametrize(("state", "requests"), [("active", 2), ("revoked", 1)])
def test_end_01_a_revoked_grant_is_remembered_by_the_next_holder(broker: MemoryBroker, state: str, requests: int):
    memory = GrantMemory()
    grant = held(broker, memory=memory)
    grant.credentials()
    broker.becomes(state)
    grant.release()
    with suppress(Denied):
        held(broker, memory=memory).credentials()
    assert broker.log.count("request") == requests


@pytest.mark.parametrize(("state", "calls"), [("active", ["grant g-0", "release g-0"]), ("pending", ["grant g-0"])])
def test_end_01_the_grant_of_a_killed_process_is_released_before_a_new_request(
    broker: MemoryBroker, state: str, calls: list[str]
):
    broker.grants["g-0"], memory = (state, START + 300), GrantMemory("g-0")
    grant = held(broker, memory=memory)
    grant.start_over()
    assert (broker.log, memory.grant_id) == (calls, "")
    assert grant.grant().id == "g-1"


def test_a_pending_request_stays_open_at_the_end(broker: MemoryBroker):
    broker.pending = True
    grant = held(broker)
    with pytest.raises(ReviewPending):
        grant.credentials()
    assert grant.release() == ()


def test_a_named_grant_is_sliced_and_neither_requested_nor_released(broker: MemoryBroker):
    broker.grants["g-0"] = ("active", START + 300)
    grant = held(broker, "g-0")
    for _ in range(294):
        grant.credentials()
        broker.now += 1
    assert set(broker.log) == {"credentials g-0"}
    assert len(broker.log) <= 9
    for _ in range(2):
        broker.now += 301
        with pytest.raises(GrantEnded):
            grant.credentials()
    assert grant.release() == ()


def test_end_01_a_named_grant_of_the_gateway_is_not_used_once_it_is_revoked(broker: MemoryBroker):
    broker.way, broker.grants["g-0"] = "gateway", ("revoked", START + 300)
    with pytest.raises(Denied):
        held(broker, "g-0", way="gateway").grant()


def test_cli_03_begin_waits_for_no_review_that_it_does_not_know(broker: MemoryBroker):
    broker.problem = ReviewPending("grant_pending", "Pending", "")
    with pytest.raises(ReviewPending):
        held(broker).begin(lambda _: pytest.fail("nothing is known about it"))


def test_a_remembered_grant_is_used_and_an_ended_one_is_requested_again(broker: MemoryBroker):
    broker.grants = {"g-0": ("active", START + 300), "g-1": ("expired", START - 1)}
    memory = GrantMemory("g-0")
    held(broker, memory=memory).credentials()
    assert broker.log == ["credentials g-0"]
    memory.remember("g-1")
    held(broker, memory=memory).credentials()
    assert broker.log[1:] == ["credentials g-1", "request"]
    assert memory.grant_id == "g-2"


def test_gw_01_a_grant_of_the_gateway_is_held_without_credentials(broker: MemoryBroker):
    broker.way = "gateway"
    need = GrantRequest(**short(300), way="gateway")
    grant = held(broker, need)
    seen = set()
    for _ in range(600):
        seen.add(grant.grant().id)
        broker.now += 1
    assert len(seen) == 3
    with pytest.raises(Invalid, match="through the gateway"):
        grant.credentials()
    assert held(broker, "g-2").grant().id == "g-2"


def test_a_background_endpoint_names_no_variables_for_a_gateway_grant(broker: MemoryBroker):
    broker.way, broker.grants["g-0"] = "gateway", ("active", START + 300)
    service = BackgroundService(held(broker, "g-0"), lambda _: {"AWS_REGION": "eu-west-1"})
    answer = service.answer(ReceivedRequest("GET", "/.jitney/environment", "", {}, b""), lambda: True)
    assert (answer.status, json.loads(answer.body)["code"]) == (400, "gateway_grant")


def test_cli_01_its_keys_are_not_in_a_repr(broker: MemoryBroker):
    grant = held(broker)
    assert "secret" not in repr(grant.credentials())


class FullDisk(GrantMemory):
    def remember(self, grant_id: str) -> None:
        raise Invalid("grant_cache_unwritable", "Grants cannot be remembered", grant_id)


def test_end_01_a_grant_that_cannot_be_remembered_is_released(broker: MemoryBroker):
    grant = held(broker, memory=FullDisk())
    with pytest.raises(Invalid, match="Grants cannot be remembered"):
        grant.credentials()
    with suppress(Invalid):
        grant.release()
    assert broker.log == ["request", "release g-0"]
