"""Time limits that grow with the machine's load, so that a slow machine does not look like a fault."""

import os
from pathlib import Path

_LOAD_FILE = Path("/proc/loadavg")
_WEIGHT_PER_NICE_LEVEL = 1.25
"""How much less processor time each level of niceness gets compared with niceness 0 (Linux, sched(7))."""


def scaled_timeout(seconds: float) -> float:
    """Return the wall-clock limit for work that takes up to `seconds` on an idle machine.

    The limit grows with the runnable processes per processor and with this process's niceness. It never shrinks.
    """
    slowdown = _runnable() / (os.cpu_count() or 1) * _WEIGHT_PER_NICE_LEVEL ** max(0, os.nice(0))
    return seconds * max(1.0, slowdown)


def _runnable() -> float:
    """Return the number of runnable processes: the last minute's average or the present number, if that is higher."""
    average = os.getloadavg()[0]
    try:
        present = _LOAD_FILE.read_text(encoding="ascii").split()[3].partition("/")[0]
    except OSError:  # not Linux
        return average
    return max(average, float(present))
