"""One run of the reconciler: its steps, their counts, failures, and the roles that do not deny (END 4)."""

from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from typing import TypeAlias

from jitney.core.access.grant import Grant
from jitney.core.problems import Problem
from jitney.core.records.gauges import Gauges
from jitney.handlers.runtime.edge import log_unhandled
from jitney.handlers.runtime.logs import logger
from jitney.handlers.runtime.ports import Ports

MOST_REFUSALS = 5
"""After this many refusals by AWS in a row, the rest of the grants waits for the next run."""
ENDS_MILLISECONDS, MARKS_MILLISECONDS = 150_000, 240_000
"""Until when in a run the ends of grants are written, and until when grants are marked as cut off.

Agents choose how many grants end together. The next run writes the ends that this one has no time for. The function has
300 s, and deny documents, suspensions and heartbeats need the rest.
"""
Step: TypeAlias = Callable[[], dict[str, int]]
"""Returns counts, by their name."""


class ReconcilerRun:
    """The counts and gauges of one run, and the names of what failed. `stopwatch` returns milliseconds."""

    def __init__(self, counts: Iterable[str], stopwatch: Callable[[], int]) -> None:
        self._stopwatch, self._began = stopwatch, stopwatch()
        self.done = dict.fromkeys(counts, 0)
        self.failed: dict[str, None] = {}
        self.gauges = Gauges()

    def has_time(self, until: int = ENDS_MILLISECONDS) -> bool:
        """Return whether the run is younger than `until` milliseconds. Then it may write about another grant."""
        return self._stopwatch() - self._began < until

    def in_time(self, grants: Iterable[Grant], until: int = ENDS_MILLISECONDS) -> Iterator[Grant]:
        """Yield the grants while the run `has_time`. The next run writes about the others."""
        return takewhile(lambda _: self.has_time(until), grants)

    def perform(self, name: str, step: Step) -> bool:
        """Run one step and add its counts. Return False for a failure, which is logged and remembered under `name`."""
        try:
            counts = step()
        except Problem as problem:
            logger.warning("not reconciled", target=name, code=problem.code, aws_code=problem.aws_code)
        except Exception as error:  # noqa: BLE001 - one failure must not stop the other steps
            log_unhandled(error)
        else:
            for kind, count in counts.items():
                self.done[kind] += count
            return True
        self.failed[name] = None
        return False

    def perform_on_role(self, name: str, role_arn: str, step: Step) -> None:
        """Run a step. If it fails, the role may not deny all ended credentials."""
        if not self.perform(name, step):
            self.gauges.not_denying.add(role_arn)


def count_recorded(grants: Iterable[Grant], ports: Ports, record: Callable[[Grant, Ports], Grant]) -> int:
    """Return how many grants were recorded. The next run repeats the grants that kept changing.

    A single failure does not stop the others. After `MOST_REFUSALS` in a row, the cause is AWS and not a single grant,
    so the step stops. Raises the last failure at the end.
    """
    count, refusals = 0, 0
    last: Exception | None = None
    for grant in grants:
        try:
            record(grant, ports)
        except Problem as problem:
            if problem.code == "grant_conflict":
                continue
            logger.warning("grant not reconciled", grant_id=grant.id, code=problem.code)
            last = problem
            refusals += 1
            if refusals == MOST_REFUSALS:
                break
        except (LookupError, TypeError, ValueError) as error:
            logger.error("grant not reconciled", grant_id=grant.id, error=type(error).__name__)
            last = error
        else:
            count, refusals = count + 1, 0
    if last:
        raise last
    return count
