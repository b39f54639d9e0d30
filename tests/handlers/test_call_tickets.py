"""POST /v1/calls with `direct`: the agent sends one signed request to S3 itself (row GW 9)."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.call_limits import CallLimits
from jitney.core.gateway.call_state import CallState
from jitney.core.problems import Problem
from tests.handlers.gateway import GET, PUT, Gateway
from tests.handlers.test_reviewed_calls import approve

BODY = b"x" * 9_000_000
BOUND = {"content_sha256": hashlib.sha256(BODY).hexdigest(), "content_length": len(BODY)}
UPLOAD: dict[str, Any] = {**PUT, "parameters": {"Bucket": "reports", "Key": "2026/a"}, "direct": BOUND}
DOWNLOAD: dict[str, Any] = {**GET, "direct": {}}
REVEALED = """
@id("all") permit (principal, action, resource)
when { context.way == "gateway" && (context.reveal || !context.reveal) };
"""
REVIEWED = """
@id("reviewed") permit (principal, action, resource)
when { context.way == "gateway" }
when { if context.call.hasTag("operation") then context.approvals.contains("owners") else true };
"""


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def test_gw_09_an_upload_is_signed_and_on_record_and_not_sent(gateway: Gateway):
    status, answer = gateway.post(UPLOAD)
    assert status == 200
    ticket = answer["ticket"]
    assert (ticket["method"], ticket["url"]) == ("PUT", "https://s3.eu-west-1.amazonaws.com/reports/2026/a")
    assert ticket["headers"]["X-Amz-Content-SHA256"] == BOUND["content_sha256"]
    assert gateway.upstream.sent == []
    assert gateway.entries() == [("call", "sent", ""), ("call", "sent", "")]
    first, second = (each["detail"]["call"] for each in gateway.records())
    assert first["ticket"] is second["ticket"] is True
    assert first["parameters"]["Body"] == f"[9,000,000 bytes, SHA-256 {BOUND['content_sha256']}]"
    assert second["access_key_id"] == "ASIAEXAMPLE"


def test_gw_09_the_session_of_a_ticket_may_make_this_call_alone_for_a_minute():
    gateway = Gateway(REVEALED, reveal=True)
    for call in (UPLOAD, DOWNLOAD):
        _, answer = gateway.post(call)
        asked = gateway.system.sessions.asked[-1]
        assert asked.name.startswith(f"{answer['call_id']}-g-")
        allowed = [each for each in json.loads(asked.policy.text)["Statement"] if each["Effect"] == "Allow"]
        action = f"s3:{call['operation']}"
        assert allowed == [{"Effect": "Allow", "Action": action, "Resource": "arn:aws:s3:::reports/2026/a"}]
        assert asked.ends_at - gateway.system.now <= 60


def test_gw_09_a_download_needs_a_grant_that_reveals(gateway: Gateway):
    status, problem = gateway.post(DOWNLOAD)
    assert (status, problem["code"]) == (400, "call_unsupported")
    assert gateway.system.sessions.asked == []
    status, answer = Gateway(REVEALED, reveal=True).post(DOWNLOAD)
    assert (status, answer["ticket"]["method"]) == (200, "GET")


def test_gw_09_the_smallest_request_for_a_download_reveals_and_is_enough():
    elsewhere = {**DOWNLOAD, "parameters": {"Bucket": "reports", "Key": "2025/a"}}
    status, problem = Gateway(REVEALED, reveal=True).post(elsewhere)
    assert (status, problem["code"]) == (403, "call_outside_grant")
    smallest = problem["smallest_request"]
    assert smallest["reveal"] is True
    status, _ = Gateway(REVEALED, **smallest).post(elsewhere)
    assert status == 200
    _, problem = Gateway(REVEALED, reveal=True).post({**GET, "parameters": elsewhere["parameters"]})
    assert "reveal" not in problem["smallest_request"]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({**PUT, "direct": BOUND}, "call_invalid"),  # the body twice
        ({**GET, "operation": "DeleteObject", "direct": {}}, "call_unsupported"),
        ({**UPLOAD, "direct": {"content_sha256": "x", "content_length": 1}}, "request_invalid"),
        ({**UPLOAD, "parameters": {"Bucket": "reports", "Key": "2027/other"}}, "call_outside_grant"),
    ],
)
def test_gw_09_other_calls_have_no_ticket(gateway: Gateway, call: dict[str, Any], code: str):
    assert gateway.post(call)[1]["code"] == code
    assert gateway.system.sessions.asked == []


def test_gw_06_an_upload_is_signed_once(gateway: Gateway):
    _, answer = gateway.post(UPLOAD, key="once")
    status, problem = gateway.post(UPLOAD, key="once")
    assert (status, problem["code"], problem["call_id"]) == (502, "call_may_have_run", answer["call_id"])
    other = {**UPLOAD, "direct": {**BOUND, "content_length": 5}}
    assert gateway.post(other, key="once")[1]["code"] == "idempotency_mismatch"
    assert len(gateway.system.sessions.asked) == 1


def test_gw_06_an_upload_without_a_session_can_be_repeated(gateway: Gateway):
    gateway.system.sessions.problem = Problem("issue_throttled", "AWS is throttling.", "Try again.")
    assert gateway.post(UPLOAD, key="again")[0] == 503
    (attempt,) = gateway.calls.attempts.values()
    assert attempt.state is CallState.NOT_SENT
    gateway.system.sessions.problem = None
    assert gateway.post(UPLOAD, key="again")[0] == 200
    assert [outcome for _, outcome, _ in gateway.entries()] == ["sent", "failed", "sent", "sent"]


def test_gw_05_no_record_or_kept_answer_holds_the_signature(gateway: Gateway):
    _, answer = gateway.post(UPLOAD)
    signature = answer["ticket"]["headers"]["Authorization"].rpartition("=")[2]
    stored = json.dumps(gateway.records()) + str(gateway.calls.answers) + str(gateway.calls.attempts)
    assert signature not in stored
    assert "session-token" not in stored


def test_gw_04_the_body_of_a_reviewed_upload_is_shown_and_bound():
    gateway = Gateway(REVIEWED)
    status, answer = gateway.post(UPLOAD, key="reviewed")
    assert status == 202
    child = gateway.system.store.grants[answer["grant"]["id"]]
    assert child.call is not None
    assert BOUND["content_sha256"] in child.call.parameters
    other = {**UPLOAD, "direct": {**BOUND, "content_sha256": "0" * 64}}
    _, second = gateway.post(other)
    assert gateway.system.store.grants[second["grant"]["id"]].call.parameters_mac != child.call.parameters_mac
    assert gateway.system.sessions.asked == []


@pytest.mark.parametrize(("approved", "other"), [(GET, DOWNLOAD), (DOWNLOAD, GET)], ids=["a call", "a ticket"])
def test_gw_09_an_approval_of_a_call_and_of_its_ticket_are_two(approved: dict[str, Any], other: dict[str, Any]):
    gateway = Gateway(
        REVIEWED.replace('"gateway" }', '"gateway" && (context.reveal || !context.reveal) }'), reveal=True
    )
    assert gateway.post(approved, "k")[0] == 202
    approve(gateway)
    status, answer = gateway.post(other, "k")
    assert (status, answer["code"], gateway.upstream.sent) == (422, "idempotency_mismatch", [])
    assert gateway.post(approved, "k")[0] == 200


def test_gw_12_a_ticket_counts_as_a_call():
    gateway = Gateway(REVEALED, reveal=True)
    targets = gateway.system.ports.config.targets
    limited = {
        alias: replace(each, call_limits=CallLimits(calls=2, calls_per_minute=0)) for alias, each in targets.items()
    }
    gateway.system.ports.config = replace(gateway.system.ports.config, targets=limited)
    for call, left in ((DOWNLOAD, 1), (UPLOAD, 0)):
        status, answer = gateway.post(call)
        assert (status, answer["budget"]) == (200, {"calls": {"limit": 2, "left": left}})
    assert gateway.post(DOWNLOAD)[1]["code"] == "call_budget_used"
    assert gateway.post(UPLOAD)[1]["code"] == "call_budget_used"
    assert len(gateway.system.sessions.asked) == 2


def test_gw_09_a_ticket_of_a_bound_target_is_bound_to_the_agent_s_address(gateway: Gateway):
    targets = gateway.system.ports.config.targets
    bound = {alias: replace(each, bind_to_caller=True) for alias, each in targets.items()}
    gateway.system.ports.config = replace(gateway.system.ports.config, targets=bound)
    gateway.post(UPLOAD)
    ticket = gateway.system.sessions.asked[-1].policy.text
    gateway.post(PUT)
    plain = gateway.system.sessions.asked[-1].policy.text
    assert "aws:SourceIp" in ticket
    assert "aws:SourceIp" not in plain
