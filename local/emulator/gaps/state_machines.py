"""Step Functions: executions act under the state machine's role."""

from typing import Any

from ministack.services import lambda_svc
from ministack.services import stepfunctions as states

from local.emulator.gaps import roles, running
from local.emulator.gaps.replacement import replaces


def tasks_use_the_role() -> None:
    """AWS makes a task's call under the state machine's role. If the role may not make the call, the task fails.

    This covers calls of functions, the only ones that Jitney's workflow makes.
    https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html
    """
    running.follow()

    @replaces(states, "_call_lambda")
    def call_lambda(call: Any, function: str, event: Any) -> Any:
        _, config, _ = lambda_svc._get_func_record_for_ref(function)
        if config:
            _require("lambda:InvokeFunction", config["FunctionArn"], "Lambda.AWSLambdaException")
        return call(function, event)


def _require(action: str, resource: str, error: str) -> None:
    """Raise the task's error if the execution has a role and the role may not do `action` on `resource`."""
    execution = running.current.get()
    if execution is None:
        return
    role = execution.machine.get("roleArn", "")
    if refusal := roles.denied(role, action, resource, execution.record["name"]):
        raise states._ExecutionError(error, refusal)
