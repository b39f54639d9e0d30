"""Shared by the contract tests of Step Functions: a machine of a few states, its executions and their history."""

import json
import uuid
from typing import Any

from tests.local.gaps.contracts import ALLOW_ALL, Emulator, function, role

ASKING = """
import json
def handler(event, context):
    print("ASKED " + json.dumps(event))
    if event.get("fails"):
        raise ValueError("no reviewer to ask")
    return event
"""


class Workflow:
    """A state machine of the emulator, in JSONata."""

    def __init__(self, emulator: Emulator, states: dict[str, Any], policy: Any = ALLOW_ALL, **top: Any) -> None:
        self.emulator = emulator
        self.states = emulator.root("stepfunctions")
        self.name = f"machine-{uuid.uuid4().hex}"
        definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **top}
        made = self.states.create_state_machine(
            name=self.name, definition=json.dumps(definition), roleArn=role(emulator, f"role-{self.name}"[:64], policy)
        )
        self.arn = made["stateMachineArn"]

    def start(self, given: Any = None, **more: Any) -> str:
        """Start a new execution. Return its ARN."""
        started = self.states.start_execution(stateMachineArn=self.arn, input=json.dumps(given or {}), **more)
        return str(started["executionArn"])

    def ended(self, execution: str) -> dict[str, Any]:
        """Return the execution once it has ended."""
        return dict(self.emulator.until(lambda: _ended(self.states.describe_execution(executionArn=execution))))

    def run(self, given: Any = None) -> dict[str, Any]:
        """Run a new execution. Return it once it has ended."""
        return self.ended(self.start(given))

    def output(self, given: Any = None) -> Any:
        """Return the output of a new execution, which succeeds."""
        ended = self.run(given)
        assert ended["status"] == "SUCCEEDED", ended
        return json.loads(ended["output"])

    def history(self, execution: str) -> list[dict[str, Any]]:
        """Return the events of an execution, which fit into one page."""
        return list(self.states.get_execution_history(executionArn=execution, maxResults=1000)["events"])

    def tokens(self, function_name: str, count: int = 1) -> list[str]:
        """Return the task tokens that a function with the source ASKING received, once there are `count`."""
        return list(self.emulator.until(lambda: _tokens(self.emulator, function_name, count)))


def _ended(execution: dict[str, Any]) -> dict[str, Any] | None:
    return None if execution["status"] == "RUNNING" else execution


def _tokens(emulator: Emulator, name: str, count: int) -> list[str] | None:
    logs = emulator.root("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]:
        return None
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    lines = [event["message"] for event in sorted(events, key=lambda event: event["timestamp"])]
    found = [json.loads(line.partition("ASKED ")[2])["token"] for line in lines if "ASKED " in line]
    return found if len(found) >= count else None


def asking(emulator: Emulator, name: str = "ask") -> str:
    """Create a function that logs its input. Return its ARN."""
    return function(emulator, name, "handler", ASKING)


def callback(arn: str, **more: Any) -> dict[str, Any]:
    """Return a task that passes its token to the function and waits for the answer."""
    payload = {"token": "{% $states.context.Task.Token %}", "fails": "{% $exists($states.input.fails) %}"}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Arguments": {"FunctionName": arn, "Payload": payload},
        "End": True,
        **more,
    }
