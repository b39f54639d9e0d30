"""How many functions run at once, and how many of their processes are kept for the next event."""

import os
from collections.abc import Iterable, Sequence
from typing import Protocol

PROCESS_MEGABYTES = 70
"""The memory of a function's process."""
IDLE_PROCESSES = 48
"""How many processes without an event are kept for the next one. The stack has about as many functions."""
FEWEST_EXECUTIONS, AWS_EXECUTIONS = 64, 1000
"""The limits of the executions at once. The tests need the fewest, and AWS has 1,000 by default."""
VARIABLE = "LAMBDA_ACCOUNT_CONCURRENCY"
"""ministack's variable for the executions at once."""


class Worker(Protocol):
    """A process of a function: whether it has an event, and when it last got one."""

    in_use: bool
    last_used: float


def most_executions(memory_megabytes: int) -> int:
    """Return how many functions may run at once: a quarter of the machine's memory, and never more than in AWS.

    Each function is a process. Without a limit, two hundred simultaneous agents would use up the machine's memory.
    Above the limit, the emulator answers like Lambda above an account's quota.
    """
    return min(AWS_EXECUTIONS, max(FEWEST_EXECUTIONS, memory_megabytes // 4 // PROCESS_MEGABYTES))


def memory_megabytes() -> int:
    """Return the memory of this machine."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20


def surplus[W: Worker](workers: Iterable[W], most: int = IDLE_PROCESSES) -> Sequence[W]:
    """Return the workers to end, those idle longest first, so that `most` idle ones are left."""
    idle = sorted((each for each in workers if not each.in_use), key=lambda each: each.last_used)
    return idle[: max(0, len(idle) - most)]
