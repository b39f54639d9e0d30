"""Runs the client's blocking code beside the server's event loop."""

import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

import anyio.from_thread
import anyio.to_thread

from jitney.client.api.broker import Broker
from jitney.client.api.polling import wait_for_decision
from jitney.client.api.responses import GrantResponse
from jitney.client.problems import ClientProblem, ReviewPending, Unavailable

Given = ParamSpec("Given")
Result = TypeVar("Result")

_MOST_WAITS = 64


async def in_thread(function: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
    """Return what the function returns. If the tool call is cancelled, the result is dropped."""
    return await anyio.to_thread.run_sync(lambda: function(*given, **named), abandon_on_cancel=True)


async def to_the_end(function: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
    """Return what the function returns. A cancelled tool call ends only after the function."""
    return await anyio.to_thread.run_sync(lambda: function(*given, **named))


class WaitCancelledError(Exception):
    """The client cancelled the tool call, so its wait ends."""


@dataclass
class CancellableWait:
    """One wait for a review. `report` is called in the event loop with the state after each poll."""

    broker: Broker
    latest: GrantResponse
    report: Callable[[GrantResponse], Coroutine[Any, Any, None]]
    _cancelled: threading.Event = field(default_factory=threading.Event)

    async def outcome(self, limiter: anyio.CapacityLimiter, at_most: float) -> GrantResponse | ClientProblem:
        """Return the grant once it is decided, or the pending grant after `at_most` seconds.

        Return the problem of a failed poll.
        """
        try:
            return await anyio.to_thread.run_sync(self._wait, at_most, abandon_on_cancel=True, limiter=limiter)
        except ReviewPending:
            return self.latest
        except ClientProblem as problem:
            return problem
        finally:
            self._cancelled.set()

    def _wait(self, at_most: float) -> GrantResponse:
        return wait_for_decision(self.broker, self.latest, self._progress, at_most, sleep=self._sleep)

    def _progress(self, latest: GrantResponse, _problem: Unavailable | None) -> None:
        self._check()
        self.latest = latest
        anyio.from_thread.run(self.report, latest)

    def _sleep(self, seconds: float) -> None:
        self._cancelled.wait(seconds)
        self._check()

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise WaitCancelledError


def wait_limiter() -> anyio.CapacityLimiter:
    """Return the limit of simultaneous waits. Waits do not use the threads of other tools."""
    return anyio.CapacityLimiter(_MOST_WAITS)
