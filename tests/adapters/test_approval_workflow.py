"""The approval workflow's adapter: which tokens are stored, and which answers of Step Functions are failures."""

from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from jitney.adapters.approval_workflow import ApprovalWorkflow, TaskAnswers, TaskTokens
from jitney.core.access.break_glass import BreakGlassUse
from jitney.core.access.grant import State
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.problems import Problem
from jitney.core.review.schedule import ScheduleCheck
from tests.adapters.test_store import client  # noqa: F401 - a fixture
from tests.fakes import NOW, PENDING
from tests.identities import identity

ARN = "arn:aws:states:eu-west-1:111122223333:stateMachine:jitney-approval"
DECIDED = PENDING.move(State.REJECTED)


@pytest.fixture
def tokens(client: Any) -> TaskTokens:  # noqa: F811 - the fixture
    return TaskTokens(client, "state")


@pytest.fixture
def states() -> Any:
    return boto3.client("stepfunctions", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")


def test_rev_13_the_token_of_the_latest_wait_is_the_one_that_is_kept(tokens: TaskTokens):
    assert tokens.of(PENDING.id) is None
    tokens.keep(PENDING.id, "first", ScheduleCheck(10), NOW)
    tokens.keep(PENDING.id, "second", ScheduleCheck(10), NOW)  # the same wait, tried again
    tokens.keep(PENDING.id, "third", ScheduleCheck(20, 15), NOW)
    with pytest.raises(Problem):
        tokens.keep(PENDING.id, "late", ScheduleCheck(19, 16), NOW)
    assert tokens.of(PENDING.id) == ("third", ScheduleCheck(20, 15)) == ("third", tokens.check_of(PENDING.id))


def test_rev_13_the_check_of_a_token_that_an_earlier_version_stored_is_its_time(tokens: TaskTokens, client: Any):  # noqa: F811 - the fixture
    assert tokens.check_of(PENDING.id) is None
    tokens.keep(PENDING.id, "kept", ScheduleCheck(20, 15), NOW)
    key = {"pk": {"S": f"REVIEW#{PENDING.id}"}, "sk": {"S": "TOKEN"}}
    client.update_item(TableName="state", Key=key, UpdateExpression="REMOVE change")
    assert tokens.check_of(PENDING.id) == ScheduleCheck.read(20)


def test_rev_13_no_workflow_is_resumed_without_a_token(tokens: TaskTokens, states: Any):
    with Stubber(states):  # which lets no call pass
        ApprovalWorkflow(states, ARN, tokens).resume(DECIDED, NOW)


def test_rev_13_a_wait_that_goes_on_is_not_ended(tokens: TaskTokens, states: Any):
    """Each wait adds events to the execution, which fails after 25,000. Break-glass can be repeated without end."""
    used = BreakGlassUse(identity("staff.gina"), MaskedComment("down"), "content", NOW, NOW + 3600)
    activated = replace(PENDING, state=State.ACTIVE, starts_at=NOW, break_glass=used)
    tokens.keep(PENDING.id, "kept", ScheduleCheck(NOW + 1, NOW), NOW + 1)
    workflow = ApprovalWorkflow(states, ARN, tokens)
    with Stubber(states) as stub:
        for each in (PENDING, replace(PENDING, narrowed_at=NOW), activated):
            workflow.resume(each, NOW + 2)
        for each in (replace(PENDING, narrowed_at=NOW + 1), replace(activated, break_glass=replace(used, at=NOW + 1))):
            stub.add_response("send_task_success", {}, {"taskToken": "kept", "output": ANY})
            workflow.resume(each, NOW + 2)
        stub.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_rev_13_a_wait_that_is_over_needs_no_waking(tokens: TaskTokens, states: Any, code: str):
    tokens.keep(PENDING.id, "kept", ScheduleCheck(10), NOW)
    with Stubber(states) as stub:
        stub.add_client_error("send_task_success", code)
        ApprovalWorkflow(states, ARN, tokens).resume(DECIDED, NOW)
        stub.assert_no_pending_responses()


@pytest.mark.parametrize("code", ["AccessDeniedException", "KmsThrottlingException"])
def test_a_workflow_that_cannot_be_resumed_is_a_problem(tokens: TaskTokens, states: Any, code: str):
    tokens.keep(PENDING.id, "kept", ScheduleCheck(10), NOW)
    with Stubber(states) as stub:
        stub.add_client_error("send_task_success", code)
        with pytest.raises(Problem) as problem:
            ApprovalWorkflow(states, ARN, tokens).resume(DECIDED, NOW)
    assert problem.value.code == "unavailable"
    assert "kept" not in str(problem.value)


@pytest.mark.parametrize("code", ["", "TaskTimedOut"])
def test_rev_13_a_function_ends_its_task_with_the_name_of_the_failure(states: Any, code: str):
    asked = {"taskToken": "given", "error": "MessagesUnsent"}
    with Stubber(states) as stub:
        if code:  # the task ended meanwhile
            stub.add_client_error("send_task_failure", code, expected_params=asked)
        else:
            stub.add_response("send_task_failure", {}, asked)
        TaskAnswers(states).fail("given", "MessagesUnsent")
        stub.assert_no_pending_responses()


def test_rev_13_a_function_ends_its_task_with_success(states: Any):
    with Stubber(states) as stub:
        stub.add_response("send_task_success", {}, {"taskToken": "given", "output": '{"grant_id": "g-1"}'})
        TaskAnswers(states).succeed("given", "g-1")
        stub.assert_no_pending_responses()


def test_rev_13_a_task_that_cannot_be_ended_is_a_problem(states: Any):
    with Stubber(states) as stub:
        stub.add_client_error("send_task_failure", "AccessDeniedException")
        with pytest.raises(Problem, match="approval workflow"):
            TaskAnswers(states).fail("given", "ReviewEnded")


def test_rev_13_what_runs_is_read_page_by_page(tokens: TaskTokens, states: Any):
    def page(names: list[str], **more: Any) -> dict[str, Any]:
        common = {"stateMachineArn": ARN, "executionArn": "arn", "status": "RUNNING", "startDate": NOW}
        return {"executions": [{**common, "name": name} for name in names], **more}

    asked = {"stateMachineArn": ARN, "statusFilter": "RUNNING"}
    with Stubber(states) as stub:
        stub.add_response("list_executions", page(["g-1", "g-2"], nextToken="more"), asked)
        stub.add_response("list_executions", page(["g-3"]), {**asked, "nextToken": "more"})
        assert ApprovalWorkflow(states, ARN, tokens).running() == {"g-1", "g-2", "g-3"}
