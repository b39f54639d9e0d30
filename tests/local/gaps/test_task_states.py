"""Step Functions: how tasks are tried. There is one contract test for each gap, and more for a gap of many parts."""

import json
from itertools import pairwise
from typing import Any

import pytest

from tests.local.gaps.contracts import Emulator
from tests.local.gaps.workflows import Workflow, asking, callback

pytestmark = pytest.mark.slow

DONE = {"Type": "Succeed"}


def caught_state(name: str) -> dict[str, Any]:
    """Return a state that ends with the name of a caught error."""
    return {"Type": "Pass", "Output": {"as": name, "error": "{% $states.input.Error %}"}, "End": True}


def test_task_states(emulator: Emulator) -> None:
    """A task ends after its time, given by an expression. Its token is then useless."""
    caught = {"ErrorEquals": ["States.Timeout"], "Next": "Over"}
    task = callback(asking(emulator), TimeoutSeconds="{% $states.input.seconds %}", Catch=[caught])
    workflow = Workflow(emulator, {"Ask": task, "Over": {"Type": "Pass", "End": True}})
    execution = workflow.start({"seconds": 1})
    ended = workflow.ended(execution)
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"]) == {"Error": "States.Timeout", "Cause": ""}
    scheduled = next(event for event in workflow.history(execution) if event["type"] == "TaskScheduled")
    assert scheduled["taskScheduledEventDetails"]["timeoutInSeconds"] == 1


@pytest.mark.parametrize("seconds", ['"soon"', "0", "1.5"])
def test_task_states_refuse_limits_that_are_none(emulator: Emulator, seconds: str) -> None:
    caught = {"ErrorEquals": ["States.QueryEvaluationError"], "Next": "Over"}
    task = callback(asking(emulator), TimeoutSeconds=f"{{% {seconds} %}}", Catch=[caught])
    workflow = Workflow(emulator, {"Ask": task, "Over": caught_state("over")})
    assert workflow.output() == {"as": "over", "error": "States.QueryEvaluationError"}


def test_task_states_fail_with_the_call_that_hands_the_token_over(emulator: Emulator) -> None:
    """The function's error fails the task. Retry tries again, with another token. Then Catch gets the error."""
    retry = {"ErrorEquals": ["ValueError"], "MaxAttempts": 1, "IntervalSeconds": 1}
    caught = {"ErrorEquals": ["ValueError"], "Next": "Over", "Output": "{% $states.errorOutput %}"}
    task = callback(asking(emulator), TimeoutSeconds=3600, Retry=[retry], Catch=[caught])
    workflow = Workflow(emulator, {"Ask": task, "Over": caught_state("over")})
    assert workflow.output({"fails": True}) == {"as": "over", "error": "ValueError"}
    first, second = workflow.tokens("ask", 2)
    assert first != second


def test_task_states_have_a_token_a_try(emulator: Emulator) -> None:
    """After a failure that is retried, the first token is useless.

    The answer to the second one is the task's result.
    """
    retry = {"ErrorEquals": ["NotSure"], "MaxAttempts": 1, "IntervalSeconds": 1}
    after = {"Type": "Pass", "Output": "{% $exists($states.context.Task) %}", "End": True}
    task = callback(asking(emulator), Retry=[retry], Next="After")
    del task["End"]
    workflow = Workflow(emulator, {"Ask": task, "After": after})
    execution = workflow.start()
    (first,) = workflow.tokens("ask")
    workflow.states.send_task_failure(taskToken=first, error="NotSure")
    second = workflow.tokens("ask", 2)[1]
    with pytest.raises(workflow.states.exceptions.TaskTimedOut):
        workflow.states.send_task_success(taskToken=first, output="{}")
    workflow.states.send_task_success(taskToken=second, output='{"said": "yes"}')
    ended = workflow.ended(execution)
    assert (ended["status"], ended["output"]) == ("SUCCEEDED", "false")


def test_task_states_have_a_history(emulator: Emulator) -> None:
    """The history has each entered state and what each try of a task did, in AWS's words and order."""
    notify = {**callback(asking(emulator)), "Resource": "arn:aws:states:::lambda:invoke", "Next": "Ask"}
    del notify["End"]
    notify["Arguments"] = {**notify["Arguments"], "Payload": {}}
    workflow = Workflow(emulator, {"Notify": notify, "Ask": callback(asking(emulator, "answer")), "Done": DONE})
    execution = workflow.start()
    (token,) = workflow.tokens("answer")
    emulator.until(lambda: [event for event in workflow.history(execution) if event["type"] == "TaskSubmitted"])
    workflow.states.send_task_success(taskToken=token, output='"yes"')
    workflow.ended(execution)
    events = workflow.history(execution)
    call_events = ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited"]
    wait_events = [*call_events[:3], "TaskSubmitted", *call_events[3:]]
    assert [event["type"] for event in events] == [
        "ExecutionStarted",
        *call_events,
        *wait_events,
        "ExecutionSucceeded",
    ]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert all(event["timestamp"] <= after["timestamp"] for event, after in pairwise(events))
    scheduled = [event["taskScheduledEventDetails"] for event in events if event["type"] == "TaskScheduled"]
    assert [each["resource"] for each in scheduled] == ["invoke", "invoke.waitForTaskToken"]
    assert {each["resourceType"] for each in scheduled} == {"lambda"}
    assert json.loads(scheduled[1]["parameters"])["Payload"]["token"] == token


def test_retry_delays(emulator: Emulator) -> None:
    """The longest delay holds, and States.ALL does not match States.Runtime."""
    slow = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 99_999_999, "MaxDelaySeconds": 1, "MaxAttempts": 2}
    task = {**callback(asking(emulator)), "Resource": "arn:aws:states:::lambda:invoke"}
    task["Arguments"] = {**task["Arguments"], "Payload": {"token": "none", "fails": True}}
    workflow = Workflow(emulator, {"Ask": {**task, "Retry": [{**slow, "JitterStrategy": "FULL"}]}})
    execution = workflow.start()
    assert workflow.ended(execution)["error"] == "ValueError"
    assert len([event for event in workflow.history(execution) if event["type"] == "TaskFailed"]) == 3


def test_retry_delays_count_the_retries_in_the_context(emulator: Emulator) -> None:
    """Each try of a task sees how often the state was retried, in all retriers together."""
    retry = [
        {"ErrorEquals": ["OtherError"], "MaxAttempts": 4},
        {"ErrorEquals": ["ValueError"], "IntervalSeconds": 1, "MaxAttempts": 1},
        {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1},
    ]
    task = callback(asking(emulator), Retry=retry)
    fails = "{% $states.context.State.RetryCount < 1 %}"
    payload = {"retries": "{% $states.context.State.RetryCount %}", "token": "{% $states.context.Task.Token %}"}
    task["Arguments"] = {**task["Arguments"], "Payload": {**payload, "fails": fails}}
    workflow = Workflow(emulator, {"Ask": task, "Done": DONE})
    execution = workflow.start()
    workflow.states.send_task_failure(taskToken=workflow.tokens("ask", 2)[1], error="NotSure")
    workflow.states.send_task_success(taskToken=workflow.tokens("ask", 3)[2], output="{}")
    assert workflow.ended(execution)["status"] == "SUCCEEDED"
    scheduled = [
        each["taskScheduledEventDetails"] for each in workflow.history(execution) if each["type"] == "TaskScheduled"
    ]
    assert [json.loads(each["parameters"])["Payload"]["retries"] for each in scheduled] == [0, 1, 2]
