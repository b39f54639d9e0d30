"""Executions with the same key, in any order and with any fault: AWS never runs a call twice (row GW 6).

An execution reads, begins, sends and finishes. Between these steps others may run, it may be ended, and time passes.
Each write may fail before or after it takes effect, and AWS may answer, refuse, or lose its answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from moto import mock_aws

from jitney.adapters.call_store import CallStore
from jitney.adapters.grant_items import item_of
from jitney.adapters.suspension_item import SuspensionStore
from jitney.adapters.transactions import StaleWrite
from jitney.core.call_limits import CallLimits
from jitney.core.gateway.budgets import BudgetUse
from jitney.core.gateway.call_state import SENDING_SECONDS, CallAttempt, Repeat, key_hash, new_attempt, recorded
from jitney.core.problems import Problem
from jitney.core.records.audit import AuditEvent, AuditRecord, Outcome
from tests.examples import examples
from tests.fakes import GRANT, NOW, MemoryCallStore, MemoryStore
from tests.moto_clients import moto_client

LIMITS = CallLimits(writes_in_flight=2)
KEY = key_hash("k-1")
# What AWS does with a call, and whether it may have run.
ANSWERS = {"answered": True, "error_500": True, "lost": True, "throttled": False, "unreached": False}


class StoreFails(Exception):
    """The store did not answer, before or after it wrote."""


@dataclass
class Aws:
    """AWS: it counts what it may have run, and what it received without a record."""

    ran: int = 0
    unrecorded: int = 0
    received: list[str] = field(default_factory=list)


@dataclass
class FaultyStore:
    """A store that fails once, before or after the next write, when it was set to fail."""

    calls: Any
    fault: str = ""

    def write(self, name: str, *arguments: Any, **named: Any) -> Any:
        fault, self.fault = self.fault, ""
        if fault == "before":
            raise StoreFails
        result = getattr(self.calls, name)(*arguments, **named)
        if fault == "after":
            raise StoreFails
        return result


def record(outcome: Outcome, now: int) -> AuditRecord:
    return AuditRecord(now, AuditEvent.REQUEST, outcome, grant_id=GRANT.id)


class CallsUnderOneKey(RuleBasedStateMachine):
    """Some executions of the same POST."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = self.store()
        self.aws = Aws()
        self.faulty = FaultyStore(self.calls)
        self.executions: list[Iterator[None]] = []
        self.now = NOW
        self.started = 0
        self.behaviour = "answered"
        self.outcomes: list[str] = []

    def store(self) -> Any:
        return MemoryCallStore(MemoryStore({GRANT.id: GRANT}))

    def execution(self, number: int, begun_at: int) -> Iterator[None]:
        """Do what the route does for a call that changes something. Yields between its steps."""
        context = self.calls.read(GRANT.id, GRANT.owner_key, KEY, self.now)
        yield
        try:
            attempt, place = self.begin(context, number)
        except Problem as refused:
            self.outcomes.append(refused.code)
            return
        except (StaleWrite, StoreFails):
            return
        if attempt is None:
            self.outcomes.append("repeated")
            return
        yield
        behaviour = self.behaviour
        if self.now - begun_at > SENDING_SECONDS - 1:
            return  # the function was ended
        self.aws.received.append(behaviour)
        self.aws.ran += ANSWERS[behaviour]
        stored = self.calls.read(GRANT.id, GRANT.owner_key, KEY, self.now).attempt
        self.aws.unrecorded += stored is None or stored.call_id != attempt.call_id
        yield
        if self.now - begun_at > SENDING_SECONDS - 1:
            return
        after = {
            "answered": lambda: attempt.answered(200, "r", self.now + 900),
            "error_500": lambda: attempt.answered(500, "r", self.now + 900),
            "lost": attempt.lost,
            "throttled": attempt.not_sent,
            "unreached": attempt.not_sent,
        }[behaviour]()
        use = BudgetUse(GRANT.id, LIMITS, ends_lease=place)
        ended, chained = recorded(after, record(Outcome.ALLOWED, self.now))
        try:
            self.faulty.write("finish", ended, chained, use, "{}", now=self.now)
        except StoreFails:
            return

    def begin(self, context: Any, number: int) -> tuple[CallAttempt | None, int | None]:
        if context.attempt is None:
            attempt = new_attempt(f"c-{number}", GRANT.id, GRANT.owner_key, KEY, "mac", self.now)
        elif context.attempt.repeat("mac", self.now) is Repeat.ANSWER:
            return None, None
        else:
            attempt = context.attempt.again(self.now)
        attempt, chained = recorded(attempt, record(Outcome.SENT, self.now))
        use = BudgetUse(GRANT.id, LIMITS, calls=1, lease_for=attempt.call_id)
        return attempt, self.faulty.write("begin", attempt, chained, use, context.budget, now=self.now)

    @rule()
    def start(self) -> None:
        if len(self.executions) < 3:
            self.started += 1
            self.executions.append(self.execution(self.started, self.now))

    @rule(which=st.integers(0, 2))
    def advance(self, which: int) -> None:
        if which < len(self.executions) and next(self.executions[which], self) is self:
            del self.executions[which]

    @rule(which=st.integers(0, 2))
    def kill(self, which: int) -> None:
        if which < len(self.executions):
            del self.executions[which]

    @rule(seconds=st.sampled_from([1, 29, 31, 1000]))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @rule(behaviour=st.sampled_from(sorted(ANSWERS)))
    def aws_will(self, behaviour: str) -> None:
        self.behaviour = behaviour

    @rule(fault=st.sampled_from(["before", "after"]))
    def the_store_fails(self, fault: str) -> None:
        self.faulty.fault = fault

    @invariant()
    def aws_runs_the_call_once_at_most(self) -> None:
        assert self.aws.ran <= 1

    @invariant()
    def nothing_is_sent_without_a_record(self) -> None:
        assert self.aws.unrecorded == 0


class CallsInDynamoDB(CallsUnderOneKey):
    """The same, with the conditions of DynamoDB."""

    def store(self) -> Any:
        self.mock = mock_aws()
        self.mock.start()
        client = moto_client("dynamodb")
        for table, names in (("state", ("pk", "sk")), ("audit", ("pk", "sk")), ("answers", ("pk",))):
            client.create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
                KeySchema=[{"AttributeName": name, "KeyType": "HASH" if name == "pk" else "RANGE"} for name in names],
                BillingMode="PAY_PER_REQUEST",
            )
        client.put_item(TableName="state", Item=item_of(GRANT))
        return CallStore(client, "state", "audit", "answers", SuspensionStore(client, "state"))

    def teardown(self) -> None:
        self.mock.stop()


TestCallsUnderOneKey = CallsUnderOneKey.TestCase
TestCallsUnderOneKey.settings = settings(max_examples=examples(1000), stateful_step_count=40, deadline=None)
TestCallsInDynamoDB = CallsInDynamoDB.TestCase
TestCallsInDynamoDB.settings = settings(max_examples=examples(60), stateful_step_count=30, deadline=None)


def test_gw_06_the_outcomes_that_a_repeat_can_meet_all_occur():
    """One walk through each of them, so that the machine above is known to reach what it is about."""
    machine = CallsUnderOneKey()

    def run(behaviour: str) -> None:
        machine.behaviour = behaviour
        machine.start()
        while machine.executions:
            machine.advance(0)

    run("throttled")
    run("unreached")
    run("error_500")
    run("answered")  # gets the answer 500 again
    machine.wait(1000)
    run("answered")  # and later only learns that the call was made
    assert machine.aws.received == ["throttled", "unreached", "error_500"]
    assert machine.outcomes == ["repeated", "call_already_made"]
    assert machine.aws.ran == 1


def test_gw_06_an_execution_that_was_ended_leaves_a_call_that_may_have_run():
    machine = CallsUnderOneKey()
    machine.start()
    machine.advance(0)
    machine.advance(0)  # begun, and not sent
    machine.kill(0)
    for seconds in (1, 31):
        machine.wait(seconds)
        machine.start()
        machine.advance(0)
        machine.advance(0)
    assert machine.outcomes == ["call_in_progress", "call_may_have_run"]
    assert machine.aws.received == []
