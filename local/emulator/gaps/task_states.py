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
from local.emulator.gaps.replacement import replaces

LONGEST = 99_999_999
"""The time limit of a task without TimeoutSeconds, in seconds."""
CALLBACK = ".waitForTaskToken"

type Members = dict[str, Any]


def task_states() -> None:
    """AWS ends a try of a task if the call fails, or after TimeoutSeconds, which may be a JSONata expression.

    A task that waits for its token fails if the call that passes the token fails. Each try has a new token. The history
    uses AWS's names of events. Only JSONata's tasks with service integrations are tried like this.
    https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html
    https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
    """
    running.follow()

    @replaces(states, "_execute_task")
    def execute_task(execute: Any, state: Members, given: Any, execution: Members, ctx: Members) -> Any:
        if running.current.get() is None:
            return execute(state, given, execution, ctx)
        return retries.with_retry_and_catch(state, given, ctx, lambda: _tried(state, given, execution, ctx))


def _tried(state: Members, given: Any, execution: Members, ctx: Members) -> Any:
    """Try the state once. Return its output and the next state. Raises ministack's _ExecutionError."""
    token = task_tokens.TaskToken(running.here()) if state["Resource"].endswith(CALLBACK) else None
    if token:
        ctx["Task"] = {"Token": token.text}
    try:
        arguments = states._apply_jsonata_arguments(state, given, ctx)
        result = _outcome(Task(state, arguments, execution, token, _timeout(state, given, ctx)))
        output = states._apply_jsonata_output(state, given, ctx, result=result, default=result)
    finally:
        ctx.pop("Task", None)
    return output, states._next_or_end(state)


def _timeout(state: Members, given: Any, ctx: Members) -> int | None:
    if "TimeoutSeconds" not in state:
        return None
    value = states._jsonata_state_field(state, "TimeoutSeconds", "number", given, ctx)
    if not isinstance(value, int | float) or isinstance(value, bool) or value != int(value) or value <= 0:
        message = f"The TimeoutSeconds must be a positive integer, but was: {json.dumps(value)}"
        raise states._ExecutionError("States.QueryEvaluationError", message)
    return int(value)


@dataclass(frozen=True)
class Task:
    """One try of a task."""

    state: Members
    arguments: Any
    execution: Members
    token: task_tokens.TaskToken | None
    timeout: int | None
    """In seconds."""

    def record_event(self, step: str, **details: Any) -> None:
        """Add an event to the history."""
        service, _, action = self.state["Resource"].partition(":::")[2].rpartition(":")
        members = {"resourceType": service, "resource": action, **details}
        if step == "Scheduled":
            members["region"] = get_region()
        given = {name: value for name, value in members.items() if value is not None}
        states._add_event(self.execution, f"Task{step}", {f"task{step}EventDetails": given})


def _outcome(task: Task) -> Any:
    """Return the task's result, and record its events in the history."""
    task.record_event("Scheduled", parameters=json.dumps(task.arguments), timeoutInSeconds=task.timeout)
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
    if not running.here().wait(task.timeout or LONGEST, call.done):
        raise states._ExecutionError("States.Timeout", "")
    return call.result()


def _answered(task: Task, token: task_tokens.TaskToken, call: "Future[Any]") -> Any:
    over = time.monotonic() + (task.timeout or LONGEST)
    submitted = False
    while not token.answer:

        def news(waits: bool = not submitted) -> bool:  # noqa: FBT001 - bound to this round
            return bool(token.answer) or (waits and call.done())

        if not running.here().wait(over - time.monotonic(), news):
            raise states._ExecutionError("States.Timeout", "")
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
