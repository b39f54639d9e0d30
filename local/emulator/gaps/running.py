"""What the threads of a Step Functions execution share: its role, its end, and its waits.

ministack sleeps while an execution waits. Here it waits for a condition instead. A stop, a task's answer or the
machine's time limit ends the wait.
"""

import functools
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ministack.services import stepfunctions as states

from local.emulator.gaps.replacement import replaces


class EndedError(states._ExecutionError):  # type: ignore[misc]
    """The execution has ended. Retry and Catch of its states do not see this error."""

    def __init__(self) -> None:
        super().__init__("States.Runtime", "the execution has ended")


class Running:
    """A running execution. `record` is ministack's. `machine` is its state machine at the start."""

    def __init__(self, record: dict[str, Any], machine: dict[str, Any]) -> None:
        self.record = record
        self.machine = machine
        self.changed = threading.Condition()
        """The condition of the execution's waits.

        Code holds it while it changes what the execution waits for, and then notifies it.
        """
        self.deadline = float("inf")
        """The end of the state machine's own TimeoutSeconds, in seconds of time.monotonic()."""

    def wait(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Return whether `until` becomes true within the seconds. Raises EndedError if the execution ends first."""
        over = time.monotonic() + seconds
        with self.changed:
            while True:
                self.check()
                if until():
                    return True
                left = min(over, self.deadline) - time.monotonic()
                if left <= 0 and over <= self.deadline:
                    return False
                self.changed.wait(min(max(left, 0), threading.TIMEOUT_MAX))

    def check(self) -> None:
        """Raise EndedError if the execution has ended. End it first if its time is over."""
        with self.changed:
            if self.record["status"] == "RUNNING" and time.monotonic() >= self.deadline:
                time_out(self.record)
                self.changed.notify_all()
            if self.record["status"] != "RUNNING":
                raise EndedError


def time_out(record: dict[str, Any]) -> None:
    """End the execution because its machine's TimeoutSeconds are over."""
    record.update(status="TIMED_OUT", stopDate=states.now_iso(), error="States.Timeout")
    states._add_event(record, "ExecutionTimedOut", {"executionTimedOutEventDetails": {"error": "States.Timeout"}})
    states._emit_execution_status_event(record)


current: ContextVar[Running | None] = ContextVar("running", default=None)
"""The execution for which this thread works. Threads of branches inherit it."""


def here() -> Running:
    """Return the execution for which this thread works. Raises LookupError if there is none."""
    found = current.get()
    if found is None:
        message = "this thread works for no execution"
        raise LookupError(message)
    return found


by_arn: dict[str, Running] = {}


@functools.cache
def follow() -> None:
    """Give every execution's thread its Running. Gaps that need it call this function."""

    @replaces(states, "_run_execution")
    def run_execution(run: Any, arn: str) -> None:
        record = states._executions.get(arn)
        if record is None:
            return
        machine = states._state_machines.get(record["stateMachineArn"]) or {}
        running = by_arn[arn] = Running(record, dict(machine))
        token = current.set(running)
        try:
            run(arn)
        finally:
            current.reset(token)
            del by_arn[arn]
