"""Step Functions: how executions start and end, one contract test for each gap."""

import json
from typing import Any

import pytest

from tests.local.gaps.contracts import Emulator, function, invoke, refused
from tests.local.gaps.workflows import ASKING, Workflow, asking, callback

pytestmark = pytest.mark.slow

WAIT = {"Type": "Wait", "Seconds": 3600, "End": True}
ROUNDS = 5
"""Executions to stop. If the first of them also reached the other function, that would have shown long ago."""


def test_executions_named_once(emulator: Emulator) -> None:
    """A second start of a running execution returns the first. Another input, or an ended execution, is refused."""
    workflow = Workflow(emulator, {"Wait": WAIT})
    first = workflow.start({"grant": 1}, name="one")
    assert workflow.start({"grant": 1}, name="one") == first
    assert len(workflow.states.list_executions(stateMachineArn=workflow.arn)["executions"]) == 1
    start = workflow.states.start_execution
    refused("ExecutionAlreadyExists", start, stateMachineArn=workflow.arn, input="{}", name="one")
    refused("InvalidExecutionInput", start, stateMachineArn=workflow.arn, input="{", name="two")
    workflow.states.stop_execution(executionArn=first)
    refused("ExecutionAlreadyExists", start, stateMachineArn=workflow.arn, input='{"grant": 1}', name="one")


def test_executions_stay_stopped(emulator: Emulator) -> None:
    """A stopped execution stays ABORTED. A later answer is refused and changes nothing."""
    caught = {"ErrorEquals": ["States.ALL"], "Next": "Caught"}
    task = callback(asking(emulator), TimeoutSeconds=3600, Catch=[caught])
    workflow = Workflow(emulator, {"Ask": task, "Caught": {"Type": "Pass", "End": True}})
    execution = workflow.start()
    (token,) = workflow.tokens("ask")
    workflow.states.stop_execution(executionArn=execution, error="ByHand", cause="it was not wanted")
    stopped = workflow.ended(execution)
    assert [stopped[key] for key in ("status", "error", "cause")] == ["ABORTED", "ByHand", "it was not wanted"]
    for send, more in (("success", {"output": "{}"}), ("failure", {})):
        refused("TaskTimedOut", getattr(workflow.states, f"send_task_{send}"), taskToken=token, **more)
    assert workflow.history(execution)[-1]["type"] == "ExecutionAborted"
    assert workflow.ended(execution) | {"ResponseMetadata": None} == stopped | {"ResponseMetadata": None}


@pytest.mark.parametrize("waits", ["for an answer", "for a time"])
def test_executions_time_out(emulator: Emulator, waits: str) -> None:
    """The machine's own time limit ends an execution and makes its token useless."""
    caught = {"ErrorEquals": ["States.ALL"], "Next": "Caught"}
    state = callback(asking(emulator), TimeoutSeconds=3600, Catch=[caught]) if waits == "for an answer" else WAIT
    workflow = Workflow(emulator, {"Ask": state, "Caught": {"Type": "Pass", "End": True}}, TimeoutSeconds=2)
    execution = workflow.start()
    ended = workflow.ended(execution)
    assert (ended["status"], ended["error"]) == ("TIMED_OUT", "States.Timeout")
    assert workflow.history(execution)[-1]["type"] == "ExecutionTimedOut"
    listed = workflow.states.list_executions(stateMachineArn=workflow.arn, statusFilter="TIMED_OUT")["executions"]
    assert [each["executionArn"] for each in listed] == [execution]
    if waits == "for an answer":
        (token,) = workflow.tokens("ask")
        refused("TaskTimedOut", workflow.states.send_task_success, taskToken=token, output="{}")


def test_failed_executions_have_no_output(emulator: Emulator) -> None:
    ended = Workflow(emulator, {"No": {"Type": "Fail", "Error": "Not", "Cause": "so"}}).run({"in": 1})
    assert [ended.get(key) for key in ("status", "error", "cause")] == ["FAILED", "Not", "so"]
    assert ended["input"] == '{"in": 1}'
    assert ended["stopDate"] >= ended["startDate"]
    assert ended.get("output") is None


def test_rule_permission(emulator: Emulator) -> None:
    """An execution that was stopped by hand reaches only the function whose policy allows the rule."""
    events, functions = emulator.root("events"), emulator.root("lambda")
    workflow = Workflow(emulator, {"Wait": WAIT})
    pattern = {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"stateMachineArn": [workflow.arn], "status": ["ABORTED", "TIMED_OUT", "FAILED"]},
    }
    for name in ("must-not", "other-rule", "may"):
        rule = events.put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
        target = function(emulator, name, "handler", ASKING)
        if name != "must-not":
            functions.add_permission(
                FunctionName=name,
                StatementId="rule",
                Action="lambda:InvokeFunction",
                Principal="events.amazonaws.com",
                SourceArn=rule if name == "may" else f"{rule}-other",
            )
        events.put_targets(Rule=name, Targets=[{"Id": "one", "Arn": target}])
        invoke(emulator, name, {"started": name})
    for stopped in range(1, ROUNDS + 1):
        execution = workflow.start({"grant_id": "g"})
        workflow.states.stop_execution(executionArn=execution)
        event = emulator.until(lambda seen=stopped: _asked(emulator, "may")[seen:])[0]
        assert event["detail"]["executionArn"] == execution
        assert event["detail"]["status"] == "ABORTED"
        assert json.loads(event["detail"]["input"]) == {"grant_id": "g"}
    assert _asked(emulator, "must-not") == [{"started": "must-not"}]
    assert _asked(emulator, "other-rule") == [{"started": "other-rule"}]


def _asked(emulator: Emulator, name: str) -> list[dict[str, Any]]:
    logs = emulator.root("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]:
        return []
    lines = [event["message"] for event in logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]]
    return [json.loads(line.partition("ASKED ")[2]) for line in lines if "ASKED " in line]
