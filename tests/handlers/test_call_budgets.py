"""POST /v1/calls within the limits of its grant, which are counted with each record (rows GW 7 and GW 12)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.call_limits import CallLimits
from jitney.core.gateway.aws_answer import AwsAnswer
from jitney.core.gateway.budgets import CallBudget
from tests.fakes import NOW
from tests.handlers.gateway import DELETE, GET, POLICIES, PUT, Gateway, failing
from tests.handlers.test_reviewed_calls import READS_REVIEWED

ERROR = b"<Error><Code>NoSuchBucket</Code><Message>%s</Message></Error>"
LARGE = AwsAnswer(404, {"x-amz-request-id": "R", "content-type": "application/xml"}, ERROR % (b"x" * 200))
THROTTLED = AwsAnswer(503, LARGE.headers, b"<Error><Code>SlowDown</Code><Message>Slow down.</Message></Error>")
OPEN = """@id("all") permit (principal, action, resource)
when { context.way == "gateway" && (resource.wildcard || !resource.wildcard) };"""
LIMITED_DELETES = """
@id("all") permit (principal, action, resource) when { context.way == "gateway" };
@id("few") @call_limits("items_deleted=1") permit (principal, action, resource)
when { context.way == "gateway" && context.action == "s3:DeleteObject" };
"""


def limited(policies: str = POLICIES, **limits: int) -> Gateway:
    gateway = Gateway(policies)
    none = CallLimits(0, 0, 0, 0, 0)._replace(**limits)
    config = gateway.system.ports.config
    targets = {alias: replace(each, call_limits=none) for alias, each in config.targets.items()}
    gateway.system.ports.config = replace(config, targets=targets)
    return gateway


def test_gw_12_each_answer_says_what_is_left():
    gateway = limited(calls=3, bytes_out=100)
    for call, calls, left in ((GET, 2, 98), (PUT, 1, 98), (GET, 0, 96)):
        status, answer = gateway.post(call)
        assert status == 200
        assert answer["budget"] == {"calls": {"limit": 3, "left": calls}, "bytes_out": {"limit": 100, "left": left}}
    sent = len(gateway.upstream.sent)
    for call in (GET, PUT):
        status, problem = gateway.post(call)
        assert (status, problem["code"], problem["exceeded"]) == (403, "call_budget_used", "calls")
    assert len(gateway.upstream.sent) == sent


@pytest.mark.parametrize("call", [GET, PUT])
def test_gw_12_an_answer_above_the_budget_is_withheld_and_on_record(call: dict[str, Any]):
    gateway = limited(bytes_out=100, writes_in_flight=1)
    gateway.upstream.answer = lambda: LARGE
    status, problem = gateway.post(call, key="one")
    assert (status, problem["code"]) == (403, "call_budget_used")
    assert "xxx" not in str(problem)
    last = gateway.records()[-1]
    assert (last["code"], last["detail"]["call"]["bytes_out"]) == ("call_budget_used", len(LARGE.body))
    assert last["detail"]["call"]["aws_request_id"] == "R"
    assert gateway.calls.answers == {}
    budget = gateway.calls.budgets.get(gateway.grant_id, CallBudget())
    assert not budget.used.get("bytes_out")
    assert not budget.leases
    if call is PUT:
        assert gateway.post(call, key="one")[1]["code"] == "call_already_made"


@pytest.mark.parametrize("failure", [None, "call_may_have_run"])
def test_gw_07_a_read_is_on_record_even_if_others_used_the_budget_meanwhile(failure: str | None):
    gateway = limited(calls=1)

    def answer() -> AwsAnswer:
        gateway.calls.budgets[gateway.grant_id] = CallBudget({"calls": 1})
        return failing(failure)() if failure else LARGE

    gateway.upstream.answer = answer
    assert gateway.post(GET)[1]["code"] == "call_budget_used"
    assert gateway.entries() == [("call", "failed", "call_budget_used")]


def test_gw_12_places_in_flight_are_free_after_every_outcome():
    gateway = limited(writes_in_flight=1)
    for outcome in ("call_may_have_run", "upstream_unreached", "answer_unmaskable"):
        gateway.upstream.answer = failing(outcome)
        assert gateway.post(PUT)[1]["code"] == outcome
    gateway.upstream.answer = None
    assert gateway.post(PUT)[0] == 200
    gateway.calls.budgets[gateway.grant_id] = CallBudget(leases={0: NOW + 30})
    status, problem = gateway.post(PUT)
    assert (status, problem["code"]) == (429, "rate_limited")
    assert gateway.post(GET)[0] == 200


def test_gw_04_a_policy_limits_what_is_deleted():
    gateway = limited(LIMITED_DELETES)
    assert gateway.post(DELETE)[1]["budget"] == {"items_deleted": {"limit": 1, "left": 0}}
    assert gateway.post(DELETE)[1]["code"] == "call_budget_used"
    assert gateway.post(PUT)[0] == 200


RUN = {
    "service": "ec2",
    "operation": "RunInstances",
    "parameters": {"ImageId": "ami-12345678", "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 10},
}
STARTS = [{"actions": ["ec2:RunInstances"], "resources": ["*"]}]


@pytest.fixture
def starting() -> Callable[[int, Mapping[str, int]], Gateway]:
    def start(cents: int, prices: Mapping[str, int]) -> Gateway:
        gateway = Gateway(OPEN, permissions=STARTS)
        none = CallLimits(0, 0, 0, 0, 0, cents)
        config = gateway.system.ports.config
        targets = {alias: replace(each, call_limits=none) for alias, each in config.targets.items()}
        limits = replace(config.limits, hourly_prices=prices)
        gateway.system.ports.config = replace(config, targets=targets, limits=limits)
        return gateway

    return start


def test_gw_12_a_grant_has_a_price_an_hour_for_what_it_starts(starting):
    gateway = starting(25, {"t3.micro": 10_400})
    status, answer = gateway.post(RUN)
    assert (status, answer["budget"]) == (200, {"cents_per_hour": {"limit": 25, "left": 14}})
    two = RUN | {"parameters": RUN["parameters"] | {"MaxCount": 20}}
    status, problem = gateway.post(two)
    assert (status, problem["code"], problem["exceeded"]) == (403, "call_budget_used", "cents_per_hour")
    assert "the grant's limit of 25 cents an hour for instances" in problem["detail"]
    gateway.upstream.answer = failing("upstream_unreached")
    assert gateway.post(RUN, "k")[1]["code"] == "upstream_unreached"
    gateway.upstream.answer = None
    assert gateway.post(RUN, "k")[1]["budget"] == {"cents_per_hour": {"limit": 25, "left": 3}}
    assert len(gateway.upstream.sent) == 3


def test_gw_12_a_call_for_fewer_than_no_instances_adds_nothing_to_what_is_left(starting):
    """AWS refuses it, but the call counts."""
    gateway = starting(25, {"t3.micro": 10_400})
    status, answer = gateway.post(RUN | {"parameters": RUN["parameters"] | {"MaxCount": -1000}})
    assert (status, answer["budget"]) == (200, {"cents_per_hour": {"limit": 25, "left": 23}})


def test_gw_12_a_reviewed_read_that_names_types_starts_nothing():
    gateway = Gateway(READS_REVIEWED, permissions=[{"actions": ["ec2:DescribeInstanceTypes"], "resources": ["*"]}])
    config = gateway.system.ports.config
    limit = CallLimits(0, 0, 0, 0, 0, 25)
    targets = {alias: replace(each, call_limits=limit) for alias, each in config.targets.items()}
    gateway.system.ports.config = replace(config, targets=targets)
    call = {"service": "ec2", "operation": "DescribeInstanceTypes", "parameters": {"InstanceTypes": ["t3.micro"]}}
    assert gateway.post(call, "k")[0] == 202


def test_gw_12_an_instance_without_a_price_is_started_only_without_a_limit(starting):
    limited = starting(25, {"t3.nano": 5_200})
    status, problem = limited.post(RUN)
    assert (status, problem["code"], problem["exceeded"]) == (403, "call_budget_used", "cents_per_hour")
    assert (limited.upstream.sent, [each[:2] for each in limited.entries()]) == ([], [("call", "refused")])
    assert starting(0, {}).post(RUN)[0] == 200


@pytest.mark.parametrize("refused", ["throttled", "upstream_unreached"])
def test_gw_12_a_call_that_did_not_run_is_counted_when_it_runs(refused: str):
    """An SDK repeats a throttled call a few times. Only its minute counts each attempt."""
    gateway = limited(LIMITED_DELETES, calls=1, calls_per_minute=4)
    gateway.upstream.answer = (lambda: THROTTLED) if refused == "throttled" else failing(refused)
    for _ in range(3):
        status, answer = gateway.post(DELETE, "k")
        if refused == "throttled":
            assert (status, answer["status"]) == (200, 503)
            left = {name: each["left"] for name, each in answer["budget"].items()}
            assert left == {"calls": 1, "items_deleted": 1}
        else:
            assert answer["code"] == refused
    gateway.upstream.answer = None
    assert gateway.post(DELETE, "k")[1]["status"] == 200
    used = gateway.calls.budgets[gateway.grant_id]
    assert (used.used, used.leases) == ({"calls": 1, "items_deleted": 1}, {})
    assert list(used.minutes.values()) == [4]
    assert gateway.post(DELETE, "k-2")[1]["code"] == "call_budget_used"


def test_gw_12_a_call_that_may_have_run_stays_counted():
    gateway = limited(LIMITED_DELETES)
    gateway.upstream.answer = failing("call_may_have_run")
    assert gateway.post(DELETE, "k")[1]["code"] == "call_may_have_run"
    assert gateway.post(DELETE, "k-2")[1]["code"] == "call_budget_used"


def test_gw_07_a_read_that_was_lost_late_is_not_sent_again():
    """The function would be ended before it could record the second attempt."""
    gateway = Gateway()
    clock = iter((0, 20_000))
    gateway.system.ports.stopwatch = lambda: next(clock, 20_000)
    gateway.upstream.answer = failing("call_may_have_run")
    assert gateway.post(GET)[1]["code"] == "call_may_have_run"
    assert len(gateway.upstream.sent) == 1
    assert gateway.entries() == [("call", "failed", "call_may_have_run")]
