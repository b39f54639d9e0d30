"""Step Functions: how executions start and end, and how their history shows that."""

import json
import time
from typing import Any

from ministack.services import stepfunctions as states

from local.emulator.gaps import running
from local.emulator.gaps.replacement import replaces


def executions_named_once() -> None:
    """While an execution runs, AWS answers a second StartExecution with the same name and input like the first.

    It refuses input that is not JSON.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """

    @replaces(states, "_start_execution")
    def start_execution(start: Any, data: dict[str, Any]) -> Any:
        given = data.get("input", "{}")
        try:
            json.loads(given)
        except ValueError:
            return states.error_response_json("InvalidExecutionInput", "Invalid State Machine Execution Input", 400)
        arn = states._resolve_state_machine_arn(data.get("stateMachineArn", "")) or ""
        known = states._executions.get(f"{arn.replace(':stateMachine:', ':execution:')}:{data.get('name', '')}")
        standard = (states._state_machines.get(arn) or {}).get("type") == "STANDARD"
        if standard and known and known["status"] == "RUNNING" and known["input"] == given:
            return states.json_response({"executionArn": known["executionArn"], "startDate": known["startDate"]})
        return start(data)


def executions_stay_stopped() -> None:
    """AWS ends a stopped execution at once, even if it waits. Later events do not change it.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
    """
    running.follow()

    @replaces(states, "_stop_execution")
    def stop_execution(stop: Any, data: dict[str, Any]) -> Any:
        found = running.by_arn.get(data.get("executionArn", ""))
        if found is None:
            return stop(data)
        with found.changed:
            answer = stop(data)
            found.changed.notify_all()
            return answer

    @replaces(states, "_fail_execution")
    def fail_execution(fail: Any, execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    @replaces(states, "_add_event")
    def add_event(add: Any, execution: dict[str, Any], kind: str, *more: Any) -> Any:
        # Code that ends an execution sets the status first.
        if execution["status"] == "RUNNING" or kind.startswith("Execution"):
            return add(execution, kind, *more)
        return None

    @replaces(states, "_scaled_sleep")
    def scaled_sleep(sleep: Any, seconds: float) -> None:
        if execution := running.current.get():
            execution.wait(seconds * states._SFN_WAIT_SCALE)
        else:
            sleep(seconds)


def executions_time_out() -> None:
    """AWS ends an execution as TIMED_OUT after the state machine's TimeoutSeconds, even if it waits.

    https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html
    """
    running.follow()

    @replaces(states, "_add_event")
    def add_event(add: Any, execution: dict[str, Any], kind: str, *more: Any) -> Any:
        event = add(execution, kind, *more)
        found = running.current.get()
        if found and found.record is execution and kind.endswith("StateEntered"):
            _set_deadline(found)
            found.check()
        return event


def _set_deadline(found: running.Running) -> None:
    """Set the deadline when the first state begins, which is the execution's start."""
    limit = json.loads(found.machine["definition"]).get("TimeoutSeconds")
    if limit is not None and found.deadline == float("inf"):
        found.deadline = time.monotonic() + limit


def failed_executions_have_no_output() -> None:
    """AWS gives an execution an output only if it succeeds. If it fails, error and cause say why.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
    """

    @replaces(states, "_describe_execution")
    def describe_execution(describe: Any, data: dict[str, Any]) -> Any:
        status, headers, body = describe(data)
        answer = json.loads(body)
        if answer.get("status") in {"FAILED", "TIMED_OUT", "ABORTED"}:
            body = json.dumps({**answer, "output": None, "outputDetails": None}).encode()
        return status, headers, body
