"""Answers about a pending grant or call that are held until it is decided (Prefer: wait, RFC 7240)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.prices import PRICES
from infra.function_specs import SPECS
from jitney.core.access.grant import GrantEnd, State
from jitney.core.config import ReviewerGroup
from jitney.core.preferences import MOST_WAIT_SECONDS
from jitney.core.problems import Problem
from jitney.core.quotas import MOST_HELD_ANSWERS, own_waits_quota, waits_quota
from jitney.handlers.grants import create_grant
from jitney.handlers.held_reads import read_grant
from jitney.handlers.runtime.http import request_from_event
from tests.core.identity import minting
from tests.handlers.conftest import REQUEST_BODY, ROOT, WRITE, System

Event = Callable[[], None]


class Waiting:
    """A pending grant, and a clock that runs while its answer is held. `later` happens after so many seconds."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.later: dict[int, Event] = {}
        self.began = system.now
        self.id = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE})[1]["grant"]["id"]
        system.ports.pause = self.pause
        system.store.log.clear()

    def pause(self, seconds: float) -> None:
        self.system.pause(seconds)
        self.system.now = self.began + self.system.milliseconds // 1000
        self.later.pop(self.system.now - self.began, lambda: None)()

    def move(self, state: State) -> None:
        grants = self.system.store.grants
        ending = GrantEnd(self.system.now, "corp.alice", "no") if state is State.REVOKED else None
        grants[self.id] = replace(grants[self.id].move(state), ending=ending)

    def read(self, prefer: str = "wait=10", **members: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
        return self.system.call(read_grant, grant_id=self.id, prefer=prefer, **members)

    @property
    def reads(self) -> int:
        return self.system.store.log.count("grant")


@pytest.fixture
def waiting(system: System) -> Waiting:
    return Waiting(system)


@pytest.mark.parametrize("state", [State.ACTIVE, State.REJECTED, State.REVOKED, State.FAILED])
def test_cli_03_the_answer_comes_within_a_second_of_the_decision(waiting: Waiting, state: State):
    waiting.later[4] = lambda: waiting.move(state)
    status, body, headers = waiting.read()
    assert (status, body["grant"]["state"]) == (200, state)
    assert waiting.system.milliseconds == 4000
    assert headers["Preference-Applied"] == "wait=10"
    assert "Retry-After" not in headers


def test_cli_03_the_answer_comes_when_the_time_is_over_after_one_read_a_second(waiting: Waiting):
    _, body, headers = waiting.read("wait=7")
    assert body["grant"]["state"] == "pending"
    assert waiting.system.milliseconds == 7000
    assert (headers["Preference-Applied"], headers["Retry-After"]) == ("wait=7", "0")
    assert waiting.reads == 7 + 2  # and one before the wait, and one for the answer


def test_cli_03_no_answer_is_held_for_longer_than_ten_seconds(waiting: Waiting):
    headers = waiting.read("wait=3600")[2]
    assert (waiting.system.milliseconds, headers["Preference-Applied"]) == (10_000, "wait=10")


@pytest.mark.parametrize("prefer", ["", "wait=0", "wait=-1", "wait", "respond-async", "wait=1e3", 'x="wait=10"'])
def test_cli_03_without_the_preference_the_answer_comes_at_once(waiting: Waiting, prefer: str):
    headers = waiting.read(prefer)[2]
    assert waiting.system.milliseconds == 0
    assert "Preference-Applied" not in headers
    assert headers["Retry-After"] == "5"


def test_cli_03_what_is_decided_is_answered_at_once(waiting: Waiting):
    waiting.move(State.ACTIVE)
    headers = waiting.read()[2]
    assert (waiting.system.milliseconds, waiting.reads) == (0, 1)
    assert "Preference-Applied" not in headers


def test_ops_03_the_page_says_what_a_wait_costs(waiting: Waiting):
    waiting.system.ports.suspensions.reads = 0
    waiting.read("wait=10")
    reads = waiting.reads + waiting.system.ports.suspensions.reads
    assert waiting.system.store.log.count("consume") == 1
    writes = 2 * 2  # a unit's quota and that of all, in a transaction, in which each write counts twice
    size = SPECS["held_reads"].memory_mb / 1024 * MOST_WAIT_SECONDS
    parts = {
        f"Lambda, {size:g} GB-seconds": size * PRICES["lambda_gb_second"].each,
        "API Gateway, one request": PRICES["api_request"].each,
        f"DynamoDB, {reads} reads and {writes} writes": reads * PRICES["read_unit"].each
        + writes * PRICES["write_unit"].each,
    }
    page = (ROOT / "docs" / "waiting.md").read_text("utf-8")
    for part, dollars in parts.items():
        assert f"| {part} | {dollars:.7f} | {dollars * 3600 / MOST_WAIT_SECONDS:.4f} |\n" in page


def test_others_cannot_hold_answers_about_a_grant(waiting: Waiting):
    status, body, _ = waiting.read(token=minting.token(sub="agent-other"))
    assert (status, body["code"], waiting.system.milliseconds) == (404, "grant_not_found", 0)
    assert not [key for key in waiting.system.store.taken if key.startswith("WAITS")]


def test_a_flood_of_waits_is_answered_at_once(waiting: Waiting):
    """Each holds an execution that other requests may need."""
    quota = waits_quota(waiting.system.now)
    for _ in range(quota.most):
        waiting.system.store.consume((quota,), now=waiting.system.now)
    status, body, headers = waiting.read()
    assert (status, body["grant"]["state"], waiting.system.milliseconds) == (200, "pending", 0)
    assert "Preference-Applied" not in headers
    assert headers["Retry-After"] == "5"


def test_one_unit_cannot_take_all_waits(waiting: Waiting):
    held = 0
    for _ in range(MOST_HELD_ANSWERS):
        waiting.began, waiting.system.now = minting.NOW, minting.NOW
        waiting.system.milliseconds = 0
        held += "Preference-Applied" in waiting.read("wait=1")[2]
    assert held == own_waits_quota("", 0).most < waits_quota(0).most


def test_a_store_that_cannot_count_holds_no_answer(waiting: Waiting, monkeypatch: pytest.MonkeyPatch):
    def fails(*_: Any, now: int) -> None:
        raise Problem("unavailable", f"The store did not answer at {now}.", "Try again.")

    monkeypatch.setattr(waiting.system.store, "consume", fails)
    assert waiting.read()[0] == 200
    assert waiting.system.milliseconds == 0


class TestLocation:
    @pytest.mark.parametrize(
        ("domain", "stage"),
        [
            ("a1.execute-api.eu-west-1.amazonaws.com", "/live"),
            ("access.example.com", ""),
            ("example.com", "/jitney/v2"),
        ],
    )
    def test_it_is_the_address_that_the_caller_used(self, domain: str, stage: str):
        event = {
            "resource": "/v1/grants/{id}",
            "requestContext": {"domainName": domain, "path": f"{stage}/v1/grants/g-aaaaaaaaaaaaaa"},
        }
        assert request_from_event(event, "").base == f"//{domain}{stage}"

    @pytest.mark.parametrize(
        "header", ["Host", "X-Forwarded-Host", "Forwarded", "X-Original-URL", "X-Forwarded-Proto", "X-Forwarded-Prefix"]
    )
    def test_no_header_of_the_request_changes_it(self, system: System, header: str):
        asked = REQUEST_BODY | {"permissions": WRITE}
        status, body, headers = system.call(create_grant, asked, **{header: "http://evil.example.net"})
        assert status == 202
        assert headers["Location"] == f"https://jitney.example.com/live/v1/grants/{body['grant']['id']}"
        assert body["review"]["review_url"].startswith("https://jitney.example.com/live/reviews/")


class TestReviewers:
    def test_an_address_of_the_configuration_is_shown(self, system: System):
        system.ports.config = replace(system.config, emails={"corp.alice": "alice@example.com"})
        review = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE})[1]["review"]
        assert review["reviewers"] == ["alice@example.com (corp.alice)"]

    def test_the_requester_is_never_named_as_a_reviewer(self, system: System):
        agent = system.call(create_grant, REQUEST_BODY)[1]["grant"]["principal"]
        groups = {"owners": ReviewerGroup(("corp.alice", agent))}
        system.ports.config = replace(system.config, reviewers=groups)
        review = system.call(create_grant, REQUEST_BODY | {"permissions": WRITE})[1]["review"]
        assert review["reviewers"] == ["corp.alice"]
