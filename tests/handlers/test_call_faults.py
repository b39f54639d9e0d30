"""Faults at each step of a call, and the retries of an SDK with the same key: AWS runs the call once at most, and every
call that AWS received is on record (rows GW 6 and GW 7).
"""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.gateway.aws_answer import AwsAnswer
from jitney.core.problems import Problem
from jitney.handlers.call_withdrawals import withdraw_call
from tests.examples import examples
from tests.handlers.gateway import DONE, GET, PUT, Gateway, failing

RETRIES = 4
"""Repeats of an SDK at most. boto3 makes 5 attempts in its legacy mode."""
BROKEN = AwsAnswer(500, {"x-amz-request-id": "R"}, b"<Error><Code>InternalError</Code></Error>")
SLOW = AwsAnswer(503, {"x-amz-request-id": "R"}, b"<Error><Code>SlowDown</Code></Error>")
UPSTREAM: dict[str, tuple[bool, AwsAnswer | str]] = {
    # What AWS answers, and whether the call may have run.
    "answered": (True, DONE),
    "error 500": (True, BROKEN),
    "cut or lost": (True, "call_may_have_run"),
    "too large": (True, "answer_unmaskable"),
    "throttled": (False, SLOW),
    "not reached": (False, "upstream_unreached"),
}
KILLED = {"killed before sending": False, "killed after sending": True}
"""How Lambda may end the process, and whether the call may have run. Nothing is caught or written after it."""
STORE = ("", "begin fails", "begin is lost", "finish fails", "finish is lost", "STS fails")


class KilledError(BaseException):
    """The process ends. No `except Exception` sees it, as none sees a kill."""


class FaultyGateway(Gateway):
    """A gateway whose next attempts meet given faults."""

    def __init__(self) -> None:
        super().__init__()
        self.ran = 0
        self.unrecorded = 0
        self.behaviour = "answered"
        self.upstream.answer = self._answer

    def _answer(self) -> AwsAnswer:
        if self.behaviour in KILLED:
            self.ran += KILLED[self.behaviour]
            self.unrecorded += ("call", "sent", "") not in self.entries()
            raise KilledError
        may_have_run, answer = UPSTREAM[self.behaviour]
        self.ran += may_have_run
        self.unrecorded += ("call", "sent", "") not in self.entries()
        if isinstance(answer, str):
            raise Problem(answer, "AWS failed.", "Try again.")
        return answer

    def attempt(self, behaviour: str, fault: str) -> tuple[int, dict[str, Any]]:
        """Post the call under one key, with this behaviour of AWS and this fault of the store or STS."""
        self.behaviour = behaviour
        step, _, kind = fault.partition(" ")
        self.calls.failing = {step} if kind == "fails" else set()
        self.calls.losing = {step} if kind == "is lost" else set()
        problem = Problem("issue_throttled", "AWS is throttling.", "Try again.")
        self.system.sessions.problem = problem if step == "STS" else None
        return self.post(PUT, key="invocation")


@pytest.mark.parametrize("behaviour", UPSTREAM)
@pytest.mark.parametrize("fault", STORE)
def test_gw_06_after_any_fault_the_retries_of_an_sdk_run_nothing_twice(behaviour: str, fault: str):
    gateway = FaultyGateway()
    answers = [gateway.attempt(behaviour, fault)]
    for _ in range(RETRIES):
        gateway.system.now += 8
        answers.append(gateway.attempt("answered", ""))
    assert gateway.ran <= 1
    assert gateway.unrecorded == 0
    status, last = answers[-1]
    if gateway.ran:
        known = status == 200 or last["code"] in {"call_may_have_run", "call_already_made"}
    else:
        # Nothing ran, though a store that lost its answer cannot know that.
        known = last["code"] == "call_may_have_run"
        assert fault in {"begin is lost", "finish fails"}
    assert known, last


@pytest.mark.parametrize("moment", KILLED)
def test_gw_06_after_a_killed_process_the_retries_of_an_sdk_run_nothing_twice(moment: str):
    gateway = FaultyGateway()
    with pytest.raises(KilledError):
        gateway.attempt(moment, "")
    found = []
    for _ in range(RETRIES + 1):
        gateway.system.now += 8
        found.append(gateway.attempt("answered", "")[1]["code"])
    assert found == ["call_in_progress"] * 3 + ["call_may_have_run"] * 2
    assert gateway.ran == KILLED[moment]
    assert [each for each in gateway.entries() if each[1] != "refused"] == [("call", "sent", "")]


@settings(max_examples=examples(300), deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(sorted(UPSTREAM)), st.sampled_from(STORE), st.sampled_from([0, 1, 31, 1000])),
        min_size=2,
        max_size=6,
    )
)
def test_gw_06_in_any_sequence_of_faults_aws_runs_a_call_once_at_most(steps: list[tuple[str, str, int]]):
    gateway = FaultyGateway()
    for behaviour, fault, pause in steps:
        gateway.attempt(behaviour, fault)
        gateway.system.now += min(pause, 100)
    assert gateway.ran <= 1
    assert gateway.unrecorded == 0


@pytest.mark.parametrize(
    ("pause", "code"), [(0, "call_in_progress"), (29, "call_in_progress"), (31, "call_may_have_run")]
)
def test_gw_06_a_repeat_while_the_call_is_sent_waits_for_its_outcome(pause: int, code: str):
    gateway = Gateway()
    meanwhile: list[tuple[int, dict[str, Any]]] = []

    def answer() -> AwsAnswer:
        gateway.system.now += pause
        meanwhile.append(gateway.post(PUT, key="one"))
        gateway.system.now -= pause
        return DONE

    gateway.upstream.answer = answer
    first = gateway.post(PUT, key="one")
    assert first[0] == 200
    assert [each[1]["code"] for each in meanwhile] == [code]
    assert len(gateway.upstream.sent) == 1
    assert gateway.post(PUT, key="one") == first


def test_gw_06_of_two_executions_that_read_before_either_wrote_one_sends():
    gateway = Gateway()
    read, others = gateway.calls.read, []

    def reading(*arguments: Any) -> Any:
        context = read(*arguments)
        if not others:
            others.append(None)
            others[0] = gateway.post(PUT, key="one")
        return context

    gateway.calls.read = reading  # type: ignore[method-assign]
    status, problem = gateway.post(PUT, key="one")
    assert (status, problem["code"]) == (409, "call_in_progress")
    assert others[0][0] == 200
    assert len(gateway.upstream.sent) == 1


def test_gw_10_a_revoked_grant_does_not_answer_a_repeat():
    gateway = Gateway()
    assert gateway.post(PUT, key="one")[0] == 200
    grants = gateway.system.store.grants
    grants[gateway.grant_id] = replace(grants[gateway.grant_id], state=type(grants[gateway.grant_id].state).REVOKED)
    assert gateway.post(PUT, key="one")[1]["code"] == "grant_revoked"


def test_gw_06_an_answer_that_is_gone_is_not_replaced_by_another_call():
    gateway = Gateway()
    _, answer = gateway.post(PUT, key="one")
    gateway.calls.answers.clear()
    status, problem = gateway.post(PUT, key="one")
    assert (status, problem["code"], problem["call_id"]) == (409, "call_already_made", answer["call_id"])
    assert len(gateway.upstream.sent) == 1


@pytest.mark.parametrize("call", [GET, PUT])
def test_gw_07_a_store_that_fails_is_not_taken_for_a_used_budget(call: dict[str, Any]):
    gateway = Gateway()
    gateway.calls.failing = {"finish"}
    before = gateway.system.store.log.count("finish")
    status, problem = gateway.post(call)
    assert (status, problem["code"]) == (503, "unavailable")
    assert gateway.system.store.log.count("finish") == before + 1


def test_gw_06_a_read_that_reached_nothing_is_left_to_the_agent():
    gateway = Gateway()
    gateway.upstream.answer = failing("upstream_unreached")
    assert gateway.post(GET)[1]["code"] == "upstream_unreached"
    assert len(gateway.upstream.sent) == 1


@pytest.mark.parametrize(
    ("outcome", "shown"), [("upstream_unreached", "did not run"), ("call_may_have_run", "was sent")]
)
def test_rev_16_a_withdrawal_says_whether_the_call_was_sent(outcome: str, shown: str):
    gateway = Gateway()
    gateway.upstream.answer = failing(outcome)
    call_id = gateway.post(PUT)[1]["call_id"]
    status, problem, _ = gateway.system.call(withdraw_call, grant_id=call_id)
    assert (status, problem["code"], problem["call_id"]) == (409, "call_already_made", call_id)
    assert shown in problem["detail"]


@pytest.mark.parametrize(("call", "repeated"), [(GET, "internal"), (PUT, "call_may_have_run")], ids=["read", "write"])
def test_gw_07_a_call_whose_answer_makes_the_masker_fail_is_on_record(call: dict[str, Any], repeated: str):
    gateway = Gateway()
    gateway.system.ports.answer_masker = FaultyMasker()
    status, problem = gateway.post(call, key="a")
    assert (status, problem["code"]) == (500, "internal")
    assert "ran" in problem["detail"]
    assert ("call", "failed", "internal") in gateway.entries()
    assert gateway.post(call, key="a")[1]["code"] == repeated


class FaultyMasker:
    """A masker with a fault."""

    def mask(self, *_: Any, **__: Any) -> None:
        raise LookupError("hunter2000")
