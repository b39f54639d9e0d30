"""STS 10 for calls: people are not asked about a call that could not be sent after their approval."""

from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.session_policy import packed_too_large
from jitney.core.call_limits import CallLimits
from jitney.core.problems import Problem
from tests.handlers.gateway import DELETE, POLICIES, PUT, Gateway
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot

PATTERNS = POLICIES.replace(
    "context.approvals.contains(", "(resource.wildcard || !resource.wildcard) && context.approvals.contains("
)
PATTERNS = PATTERNS.replace("else true }", "else (resource.wildcard || !resource.wildcard) }")
OBJECTS = [{"actions": ["s3:DeleteObject"], "resources": ["arn:aws:s3:::reports/2026/*"]}]


def deletes(count: int) -> dict[str, Any]:
    """Return a call that deletes `count` objects, which takes an ARN for each in its session policy."""
    objects = [{"Key": f"2026/{number:04d}-an-object-with-a-rather-long-name.csv"} for number in range(count)]
    return {
        "service": "s3",
        "operation": "DeleteObjects",
        "parameters": {"Bucket": "reports", "Delete": {"Objects": objects}},
    }


FEWER_ITEMS = "Make several calls, and name fewer items in each."


def asked(gateway: Gateway) -> list[str]:
    return list(gateway.system.reviews.started)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway(PATTERNS, permissions=OBJECTS)


def test_sts_10_a_call_whose_session_policy_is_too_large_is_refused_before_people_are_asked(gateway: Gateway):
    status, answer = gateway.post(deletes(100), "k")
    assert (status, answer["code"]) == (400, "policy_too_large")
    assert (answer["fix"], "split" in answer) == (FEWER_ITEMS, False)  # a call has no permissions to split
    assert (asked(gateway), gateway.upstream.sent) == ([], [])
    assert gateway.entries() == [("call", "refused", "policy_too_large")]
    status, answer = gateway.post(deletes(3), "k")  # the key is free
    assert status == 202
    vote(ballot(gateway.system.store.grants[answer["grant"]["id"]]), gateway.system.ports)
    assert gateway.post(deletes(3), "k")[0] == 200


def test_sts_10_an_unreviewed_call_whose_session_policy_is_too_large_says_what_to_do():
    gateway = Gateway(PATTERNS.replace('context.approvals.contains("owners")', "true"), permissions=OBJECTS)
    assert gateway.post(deletes(3), "k")[0] == 200
    status, answer = gateway.post(deletes(100), "k-2")
    assert (status, answer["code"], answer["fix"]) == (400, "policy_too_large", FEWER_ITEMS)


def test_sts_10_the_policy_of_a_call_is_tried_at_sts_before_people_are_asked(gateway: Gateway):
    status, answer = gateway.post(deletes(3), "k")
    assert status == 202
    (tried,) = gateway.system.sessions.tried
    assert tried.name == f"g-trial-{answer['grant']['id'][2:]}"
    assert gateway.records()[0]["detail"]["packed_policy_percent"] == 42
    assert gateway.post(deletes(3), "k")[0] == 202
    vote(ballot(gateway.system.store.grants[answer["grant"]["id"]]), gateway.system.ports)
    gateway.post(deletes(3), "k")
    assert len(gateway.system.sessions.tried) == 1  # a repeat is not tried again
    (made,) = gateway.system.sessions.asked
    assert tried.policy.size == made.policy.size
    assert (tried.role_arn, tried.source_identity) == (made.role_arn, made.source_identity)


def test_sts_10_the_trial_of_an_upload_with_a_ticket_is_bound_as_the_ticket_is():
    gateway = Gateway(POLICIES.replace("s3:DeleteObject", "s3:PutObject"))
    target = replace(gateway.system.ports.config.targets["analytics-prod"], bind_to_caller=True)
    gateway.system.ports.config = replace(gateway.system.ports.config, targets={"analytics-prod": target})
    body = {"content_length": 2, "content_sha256": "73475cb40a568e8da8a045ced110137e159f890ac4da883b6b17dc651b3a8049"}
    parameters = {"Bucket": "reports", "Key": "2026/a"}
    status, answer = gateway.post(PUT | {"parameters": parameters}, "k", direct=body)
    assert status == 202, answer
    (tried,) = gateway.system.sessions.tried
    assert "198.51.100.7" in tried.policy.text


def test_sts_10_a_packed_policy_of_a_call_that_is_too_large_is_answered_before_people_are_asked(gateway: Gateway):
    gateway.post(deletes(3), "k")
    gateway.system.sessions.trial_problem = packed_too_large(gateway.system.sessions.tried[-1].policy, 112)
    before = asked(gateway)
    status, answer = gateway.post(deletes(4), "k-2")
    assert (status, answer["code"], answer["packed_policy_size"]["percent"]) == (400, "policy_too_large", 112)
    assert answer["fix"] == FEWER_ITEMS
    assert asked(gateway) == before
    gateway.system.sessions.trial_problem = Problem("issue_throttled", "STS is throttling.", "Try again.")
    assert gateway.post(deletes(4), "k-2")[0] == 202


@pytest.mark.parametrize("limits", [CallLimits(items_deleted=2), CallLimits(calls=1)])
def test_gw_12_a_call_above_the_limits_of_its_grant_is_refused_before_people_are_asked(limits: CallLimits):
    gateway = Gateway()
    config = gateway.system.ports.config
    target = replace(config.targets["analytics-prod"], call_limits=limits)
    gateway.system.ports.config = replace(config, targets={"analytics-prod": target})
    gateway.calls.budgets[gateway.grant_id] = replace(
        gateway.calls.budget(gateway.grant_id), used={"calls": 1, "items_deleted": 2}
    )
    status, answer = gateway.post(DELETE, "k")
    assert (status, answer["code"]) == (403, "call_budget_used")
    assert asked(gateway) == []


def test_gw_12_a_limit_that_passes_prevents_no_review():
    gateway = Gateway()
    config = gateway.system.ports.config
    target = replace(config.targets["analytics-prod"], call_limits=CallLimits(calls_per_minute=1))
    gateway.system.ports.config = replace(config, targets={"analytics-prod": target})
    assert gateway.post(PUT)[0] == 200
    assert gateway.post(PUT)[0] == 429
    assert gateway.post(DELETE)[0] == 202
