"""Time limits that grow with the machine's load, so that a slow machine does not look like a fault."""

import os
import time
from collections.abc import Callable
from pathlib import Path

_LOAD_FILE = Path("/proc/loadavg")
_WEIGHT_PER_NICE_LEVEL = 1.25
"""How much less processor time each level of niceness gets compared with niceness 0 (Linux, sched(7))."""


def scaled_timeout(seconds: float) -> float:
    """Return the wall-clock limit for work that takes up to `seconds` on an idle machine.

    The limit grows with the runnable processes per processor and with this process's niceness. It never shrinks.
    Load that arrives later does not change it. Where the wait is a loop, a Countdown is better.
    """
    return seconds * _slowdown()


class Countdown:
    """The time left for work that takes up to `seconds` on an idle machine.

    A second counts less while the machine is busy, also if the load arrives during the work.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._left = seconds
        self._clock = clock
        self._read_at = clock()

    def left(self) -> float:
        """Return the seconds left, 0 or less at the end. The load is that of the moment: read it once a second."""
        now = self._clock()
        self._left -= (now - self._read_at) / _slowdown()
        self._read_at = now
        return self._left


def _slowdown() -> float:
    """Return how many times longer work takes than on an idle machine, by the present load. It is at least 1."""
    return max(1.0, _runnable() / (os.cpu_count() or 1) * _WEIGHT_PER_NICE_LEVEL ** max(0, os.nice(0)))


def _runnable() -> float:
    """Return the number of runnable processes: the last minute's average or the present number, if that is higher."""
    average = os.getloadavg()[0]
    try:
        present = _LOAD_FILE.read_text(encoding="ascii").split()[3].partition("/")[0]
    except OSError:  # not Linux
        return average
    return max(average, float(present))
