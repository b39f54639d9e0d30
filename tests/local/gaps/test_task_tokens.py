"""Step Functions: answers to task tokens, one contract test for each gap."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.gaps.contracts import Emulator, refused, role
from tests.local.gaps.workflows import Workflow, asking, callback

pytestmark = pytest.mark.slow


def test_task_token_answers(emulator: Emulator) -> None:
    """One answer is accepted.

    Answers from another account, for an ended task, or with an invented token are refused.
    """
    workflow = Workflow(
        emulator, {"Ask": callback(asking(emulator)), "More": {"Type": "Wait", "Seconds": 30, "End": True}}
    )
    execution = workflow.start()
    (token,) = workflow.tokens("ask")
    send = workflow.states.send_task_success
    elsewhere = Emulator(emulator.endpoint, emulator.clients, emulator.patience).root("stepfunctions").send_task_success
    for bad in ("garbage", token[:-4] + "AAAA", "AAAA" + token[4:]):
        refused("InvalidToken", send, taskToken=bad, output="{}")
    refused("InvalidToken", elsewhere, taskToken=token, output="{}")
    refused("InvalidOutput", send, taskToken=token, output="{")

    def answer(number: int) -> str:
        try:
            send(taskToken=token, output=str(number))
        except ClientError as problem:
            return str(problem.response["Error"]["Code"])
        return str(number)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(answer, range(8)))
    taken = [each for each in answers if each.isdigit()]
    assert len(taken) == 1
    assert {*answers} - {*taken} == {"TaskTimedOut"}
    assert workflow.ended(execution)["output"] == taken[0]


def test_task_token_permissions(emulator: Emulator) -> None:
    """A caller that may answer for one state machine may not answer for another, or with an invented token."""
    machines = {name: Workflow(emulator, {"Ask": callback(asking(emulator, name))}) for name in ("mine", "other")}
    executions = {name: machine.start() for name, machine in machines.items()}
    tokens = {name: machine.tokens(name)[0] for name, machine in machines.items()}
    statement = {
        "Effect": "Allow",
        "Action": ["states:SendTaskSuccess", "states:SendTaskFailure"],
        "Resource": machines["mine"].arn,
    }
    arn = role(emulator, "reviewer", {"Statement": statement})
    session = emulator.root("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    mine: Any = emulator.session("stepfunctions", session)
    refused("AccessDeniedException", mine.send_task_success, taskToken=tokens["other"], output="{}")
    refused("AccessDeniedException", mine.send_task_failure, taskToken="made up")
    refused("AccessDeniedException", mine.send_task_heartbeat, taskToken=tokens["mine"])
    mine.send_task_success(taskToken=tokens["mine"], output="{}")
    assert machines["mine"].ended(executions["mine"])["status"] == "SUCCEEDED"
    refused("TaskTimedOut", mine.send_task_failure, taskToken=tokens["mine"])
    assert machines["other"].states.describe_execution(executionArn=executions["other"])["status"] == "RUNNING"
    emulator.until(lambda: machines["other"].states.stop_execution(executionArn=executions["other"]))
