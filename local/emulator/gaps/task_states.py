"""Step Functions: how often and how long a task is tried, and its events in the execution's history."""

import contextvars
import json
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_region
from ministack.services import stepfunctions as states

from local.emulator.gaps import retries, running, task_tokens

LONGEST = 99_999_999
"""The time limit of a task without TimeoutSeconds, in seconds."""
CALLBACK = ".waitForTaskToken"

type Members = dict[str, Any]


def task_states() -> None:
    """AWS ends a try of a task if the call fails, after TimeoutSeconds, or after HeartbeatSeconds without a heartbeat.

    Both limits may be JSONata expressions or paths. A task that waits for its token fails if the call that passes the
    token fails. Each try has a new token. The history uses AWS's names of events.
    https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html
    https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
    """
    running.follow()
    execute = states._execute_task

    def execute_task(state: Members, given: Any, execution: Members, ctx: Members) -> Any:
        if running.current.get() is None or ":activity:" in state.get("Resource", ""):
            return execute(state, given, execution, ctx)
        return retries.with_retry_and_catch(state, given, ctx, lambda: _tried(state, given, execution, ctx))

    states._execute_task = execute_task


def _tried(state: Members, given: Any, execution: Members, ctx: Members) -> Any:
    """Try the state once. Return its output and the next state. Raises ministack's _ExecutionError."""
    token = task_tokens.TaskToken(running.here()) if state["Resource"].endswith(CALLBACK) else None
    if token:
        ctx["Task"] = {"Token": token.text}
    try:
        if states._state_query_language(state, ctx) == "JSONata":
            arguments = states._apply_jsonata_arguments(state, given, ctx)
            result = _outcome(Task(state, arguments, execution, token, _limits(state, given, ctx)))
            output = states._apply_jsonata_output(state, given, ctx, result=result, default=result)
            states._apply_state_assign(state, given, ctx, result=result)
        else:
            effective = states._apply_input_path(state, given, ctx)
            arguments = states._apply_parameters(state, effective, ctx)
            result = _outcome(Task(state, arguments, execution, token, _limits(state, effective, ctx)))
            output = states._apply_result_path(state, given, states._apply_result_selector(state, result))
            output = states._apply_output_path(state, output, ctx)
    finally:
        ctx.pop("Task", None)
    return output, states._next_or_end(state)


@dataclass(frozen=True)
class Limits:
    """The time limits of a task, in seconds."""

    timeout: int | None
    heartbeat: int | None


def _limits(state: Members, given: Any, ctx: Members) -> Limits:
    return Limits(_seconds(state, "TimeoutSeconds", given, ctx), _seconds(state, "HeartbeatSeconds", given, ctx))


def _seconds(state: Members, field: str, given: Any, ctx: Members) -> int | None:
    jsonata = states._state_query_language(state, ctx) == "JSONata"
    if field in state:
        value = states._jsonata_state_field(state, field, "number", given, ctx) if jsonata else state[field]
    elif f"{field}Path" in state:
        value = states._resolve_path_or_ctx(state[f"{field}Path"], given, ctx)
    else:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or value != int(value) or value <= 0:
        error = "States.QueryEvaluationError" if jsonata else "States.Runtime"
        raise states._ExecutionError(error, f"The {field} must be a positive integer, but was: {json.dumps(value)}")
    return int(value)


@dataclass(frozen=True)
class Task:
    """One try of a task."""

    state: Members
    arguments: Any
    execution: Members
    token: task_tokens.TaskToken | None
    limits: Limits

    def record_event(self, step: str, **details: Any) -> None:
        """Add an event to the history. A task whose resource is a function's ARN has its own event names."""
        resource = self.state["Resource"]
        if ":function:" in resource:
            kind, named = f"LambdaFunction{step}", {"resource": resource, "input": details.pop("parameters", None)}
            own = named if step == "Scheduled" else {}
        else:
            service, _, action = resource.partition(":::")[2].rpartition(":")
            kind, own = f"Task{step}", {"resourceType": service, "resource": action}
            if step == "Scheduled":
                own["region"] = get_region()
        told = {name: value for name, value in {**own, **details}.items() if value is not None}
        states._add_event(self.execution, kind, {f"{kind[0].lower()}{kind[1:]}EventDetails": told})


def _outcome(task: Task) -> Any:
    """Return the task's result, and record in the history how it came about."""
    task.record_event(
        "Scheduled",
        parameters=json.dumps(task.arguments),
        timeoutInSeconds=task.limits.timeout,
        heartbeatInSeconds=task.limits.heartbeat,
    )
    task.record_event("Started")
    try:
        result = _awaited(task)
    except running.EndedError:
        raise
    except states._ExecutionError as problem:
        if problem.error == "States.Timeout":
            task.record_event("TimedOut", error="States.Timeout")
        else:
            task.record_event("Failed", error=problem.error, cause=problem.cause)
        raise
    task.record_event("Succeeded", output=json.dumps(result))
    return result


def _awaited(task: Task) -> Any:
    execution, token = running.here(), task.token
    if token:
        token.open()
    call = _called(execution, task.state["Resource"].removesuffix(CALLBACK), task.arguments)
    # Answers need the lock: each comes either before the task ends or too late.
    with execution.changed:
        try:
            return _answered(task, token, call) if token else _returned(task, call)
        finally:
            if token:
                token.close()


def _returned(task: Task, call: "Future[Any]") -> Any:
    if not running.here().wait(task.limits.timeout or LONGEST, call.done):
        raise states._ExecutionError("States.Timeout", "")
    return call.result()


def _answered(task: Task, token: task_tokens.TaskToken, call: "Future[Any]") -> Any:
    over = time.monotonic() + (task.limits.timeout or LONGEST)
    submitted = False
    while not token.answer:
        beat = token.beat
        missed = beat + (task.limits.heartbeat or LONGEST)

        def news(beat: float = beat, waits: bool = not submitted) -> bool:  # noqa: FBT001 - bound to this round
            return bool(token.answer) or token.beat != beat or (waits and call.done())

        if not running.here().wait(min(over, missed) - time.monotonic(), news):
            raise states._ExecutionError(
                "States.Timeout" if over <= missed else retries.HeartbeatTimeout("States.Timeout"), ""
            )
        if call.done() and not submitted:
            task.record_event("Submitted", output=json.dumps(call.result()))
            submitted = True
    return token.outcome()


def _called(execution: running.Running, resource: str, arguments: Any) -> "Future[Any]":
    """Call the service in a thread. An answer after the task's end is ignored."""
    future: Future[Any] = Future()

    def call() -> None:
        try:
            future.set_result(states._invoke_resource(resource, arguments))
        except Exception as problem:  # noqa: BLE001 - raised again where the result is awaited
            future.set_exception(problem)
        with execution.changed:
            execution.changed.notify_all()

    threading.Thread(target=contextvars.copy_context().run, args=(call,), daemon=True).start()
    return future
