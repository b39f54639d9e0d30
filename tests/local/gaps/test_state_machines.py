"""Step Functions: a task may do what the state machine's role may do. One contract test for each gap."""

from typing import Any

import pytest

from local.settings import REGION
from tests.local.gaps.contracts import Emulator
from tests.local.gaps.workflows import Workflow, asking

pytestmark = pytest.mark.slow


def test_tasks_use_the_role(emulator: Emulator) -> None:
    """The task may do what the role allows.

    If the role allows it only elsewhere, the task fails, and the state can catch it.
    """
    asking(emulator)
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": "ask", "Payload": {}},
        "End": True,
    }
    resource = f"arn:aws:lambda:{REGION}:{emulator.account}:function:ask"
    may = Workflow(emulator, {"Call": task}, _policy(resource)).run()
    assert may["status"] == "SUCCEEDED", may.get("cause")
    must_not = Workflow(emulator, {"Call": task}, _policy(f"{resource}-other")).run()
    assert must_not["status"] == "FAILED", must_not
    assert must_not["error"].startswith("Lambda.")
    assert f"is not authorized to perform: lambda:InvokeFunction on resource: {resource}" in must_not["cause"]


def _policy(resource: str) -> dict[str, Any]:
    return {"Statement": {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": resource}}
