"""The broker's time. Grants end by the broker's clock, and the clock of this machine may be wrong."""

import sys
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

from jitney.client.api.connection import HttpResponse


def elapsed_seconds() -> float:
    """Return the seconds of a clock that no program can set, and that continues while the machine sleeps.

    On Linux and macOS, `time.monotonic` stops during sleep: clock_gettime(2), and clock_gettime(3) of macOS.
    """
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    elif sys.platform == "darwin":  # noqa: RET505 - mypy checks one system
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    else:
        return time.monotonic()


class BrokerClock:
    """The broker's epoch seconds, from the Date of its answers. Before the first answer, this machine's time counts.

    A Date has whole seconds. So this machine's clock counts as right unless the Date contradicts it. `wall` is this
    machine's clock, and `steady` is a clock that no program can set. `steady` stops while a virtual machine is paused,
    and `wall` can be set back, so the later of both counts.
    """

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = elapsed_seconds) -> None:
        self._wall = wall
        self._steady = steady
        self._known = (0.0, float("-inf"))  # what to add to `wall`, and to `steady`

    def now(self) -> float:
        """Return the broker's time in epoch seconds."""
        to_wall, to_steady = self._known
        return max(self._wall() + to_wall, self._steady() + to_steady)

    def ahead(self) -> float:
        """Return the seconds by which the clock of this machine is ahead of the broker's; below 0 if it is behind."""
        return self._wall() - self.now()

    def timed(self, exchange: Callable[[], HttpResponse]) -> HttpResponse:
        """Return the answer, after comparing its Date with the clock. An answer without a Date changes nothing."""
        began = self._steady()
        response = exchange()
        wall, steady = self._wall(), self._steady()
        try:
            date = parsedate_to_datetime(response.headers.get("date", "")).timestamp()
        except ValueError:
            return response
        earliest, latest = date - wall, date + 1 + (steady - began) - wall
        to_wall = max(earliest, min(0.0, latest))
        self._known = (to_wall, wall + to_wall - steady)
        return response
