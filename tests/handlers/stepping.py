"""Callers that stop before each step, so that a test decides who goes on, and whose process ends where.

A step is a call of a port that reads or changes something outside of the function: in DynamoDB, STS, IAM or Step
Functions, or the call of AWS that the gateway makes.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from jitney.core.problems import Problem
from tests.examples import sample
from tests.handlers.conftest import System

STEPS: Mapping[str, tuple[str, ...]] = {
    "store": (
        "change_suspensions", "consume", "create_grant", "cut_off", "grant", "grant_lists", "grants_by_id",
        "idempotency_value", "open_grants", "record", "rejections", "counting_approvals", "save",
    ),
    "deny_list": ("abandon", "acquire", "announce", "complete", "denied_ids", "deny_entries", "lease", "seen_roles"),
    "suspensions": ("current",),
    "sessions": ("issue",),
    "approval_workflow": ("resume", "running", "start"),
    "call_store": ("begin", "finish", "kept_answer", "read"),
    "aws_calls": ("send",),
}  # fmt: skip
"""The steps, by port."""

type Call = Callable[[], Any]
type Prepared = tuple[System, Call, Call]


class ProcessEnded(BaseException):
    """The end of a function's process. No handler catches it."""


class Fault(NamedTuple):
    """What the step number `at` of a caller meets.

    AWS refuses it, or its answer is lost, or the process ends before or after it.
    """

    kind: str
    at: int

    @property
    def error(self) -> BaseException:
        """What is raised in the caller."""
        if self.kind in ("refused", "lost"):
            return Problem("unavailable", "AWS did not answer as it should.", "Try again in a moment.")
        return ProcessEnded()

    @property
    def is_after(self) -> bool:
        """Whether the step took effect."""
        return self.kind in ("lost", "ended after")


FAULTS = ("refused", "lost", "ended before", "ended after")


class Caller:
    """A call of a handler in a thread of its own, which stops before each step."""

    def __init__(self, run: Call, fault: Fault | None = None) -> None:
        self.steps: list[str] = []
        self.result: Any = None
        self._run, self._fault = run, fault
        self._ended = self._in_step = False
        self._error: BaseException | None = None
        self._may_go, self._has_stopped = threading.Semaphore(0), threading.Semaphore(0)
        self.thread = threading.Thread(target=self._live, daemon=True)

    def go(self, until: int | None = None) -> None:
        """Let the caller go on until before its step number `until`, or to its end. Raises its unexpected error."""
        if not self.thread.ident:
            self.thread.start()
            self._resume()
        while not self._ended and (until is None or len(self.steps) <= until):
            self._resume()
        if self._error:
            raise self._error

    def _resume(self) -> None:
        self._may_go.release()
        self._has_stopped.acquire()

    def _live(self) -> None:
        self._may_go.acquire()
        try:
            self.result = self._run()
        except Problem as problem:
            self.result = problem.code
        except ProcessEnded:
            self.result = "ended"
        except BaseException as error:  # noqa: BLE001 - the test's own thread raises it
            self._error = error
        self._ended = True
        self._has_stopped.release()

    def take(self, name: str, step: Call) -> Any:
        """Take a step when it is this caller's turn. A step inside of another one is part of it."""
        if self._in_step:
            return step()
        self.steps.append(name)
        self._has_stopped.release()
        self._may_go.acquire()
        fault = self._fault if self._fault and self._fault.at == len(self.steps) - 1 else None
        if fault and not fault.is_after:
            raise fault.error
        self._in_step = True
        try:
            answer = step()
        finally:
            self._in_step = False
        if fault:
            raise fault.error
        return answer


class Stage:
    """A system whose callers stop before each step. The test's own calls do not."""

    def __init__(self, system: System) -> None:
        self._callers: dict[int | None, Caller] = {}
        for name, steps in STEPS.items():
            port = system.ports.__dict__.get(name)
            for step in steps if port else ():
                setattr(port, step, self._stepped(f"{name}.{step}", getattr(port, step)))
        policy_of = system.role_policies.of

        def of(role: Any) -> Any:
            policy = policy_of(role)
            policy.read = self._stepped("iam.read", policy.read)  # type: ignore[method-assign]
            policy.write = self._stepped("iam.write", policy.write)  # type: ignore[method-assign]
            return policy

        system.role_policies.of = of  # type: ignore[method-assign]

    def caller(self, run: Call, fault: Fault | None = None) -> Caller:
        """Return a caller that has not begun."""
        made = Caller(lambda: self._as(made, run), fault)
        return made

    def _as(self, caller: Caller, run: Call) -> Any:
        self._callers[threading.get_ident()] = caller
        try:
            return run()
        finally:
            del self._callers[threading.get_ident()]

    def _stepped(self, name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **members: Any) -> Any:
            caller = self._callers.get(threading.get_ident())
            return caller.take(name, lambda: step(*args, **members)) if caller else step(*args, **members)

        return stepped


def meetings(prepare: Callable[[], Prepared]) -> Iterator[tuple[System, Any, Any]]:
    """Yield the system and what two calls answered, for each way in which the calls can meet.

    One call stops before one of its steps, then the other before one of its own. Then each goes on to its end.
    """
    first, second = (len(_undisturbed(prepare, number)) for number in (0, 1))
    orders = [
        (began, *stops)
        for began, most in ((0, (first, second)), (1, (second, first)))
        for stops in ((one, other) for one in range(most[0] + 1) for other in range(most[1] + 1))
    ]
    for began, one, other in sample(orders):
        system, *calls = prepare()
        stage = Stage(system)
        callers = [stage.caller(each) for each in calls]
        leader, follower = callers[began], callers[1 - began]
        leader.go(one)
        follower.go(other)
        leader.go()
        follower.go()
        yield system, *(each.result for each in callers)


def faults(prepare: Callable[[], tuple[System, Call]]) -> Iterator[tuple[System, Call, str]]:
    """Yield the system after a call whose step met a fault, the same call without it, and which fault it was.

    Each step meets each fault.
    """
    steps = _undisturbed(prepare, 0)
    for at, kind in sample([(at, kind) for at in range(len(steps)) for kind in FAULTS]):
        system, run = prepare()
        stage = Stage(system)
        stage.caller(run, Fault(kind, at)).go()
        yield system, run, f"{steps[at]} {kind}"


def _undisturbed(prepare: Callable[[], Any], number: int) -> list[str]:
    """Return the steps of one of the calls when it is alone."""
    system, *calls = prepare()
    caller = Stage(system).caller(calls[number])
    caller.go()
    return caller.steps
