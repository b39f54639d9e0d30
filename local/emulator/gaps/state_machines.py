"""Step Functions: executions act under the state machine's role."""

from contextvars import ContextVar
from typing import Any

from ministack.services import lambda_svc
from ministack.services import stepfunctions as states

from local.emulator.gaps import roles

_execution: ContextVar[tuple[str, str] | None] = ContextVar("execution", default=None)


def tasks_use_the_role() -> None:
    """AWS invokes a function under the state machine's role; without lambda:InvokeFunction the task fails.

    https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
    """
    run, call = states._run_execution, states._call_lambda

    def run_execution(arn: str) -> None:
        execution = states._executions.get(arn) or {}
        machine = states._state_machines.get(execution.get("stateMachineArn", "")) or {}
        token = _execution.set((machine.get("roleArn", ""), execution.get("name", "")))
        try:
            run(arn)
        finally:
            _execution.reset(token)

    def call_lambda(function: str, event: Any) -> Any:
        if under := _execution.get():
            _, config, _ = lambda_svc._get_func_record_for_ref(function)
            if config and (refusal := roles.denied(under[0], "lambda:InvokeFunction", config["FunctionArn"], under[1])):
                raise states._ExecutionError("Lambda.AWSLambdaException", refusal)
        return call(function, event)

    states._run_execution = run_execution
    states._call_lambda = call_lambda
