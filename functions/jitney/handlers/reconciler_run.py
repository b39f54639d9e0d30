"""One run of the reconciler: its steps, their counts, failures, and the roles that do not deny (END 4)."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from jitney.core.access.grant import Grant
from jitney.core.gauges import Gauges
from jitney.core.problems import Problem
from jitney.handlers.edge import log_unhandled
from jitney.handlers.logs import logger
from jitney.handlers.ports import Ports

MOST_REFUSALS = 5
"""After this many refusals by AWS in a row, the rest of a role's grants waits for the next run."""
Step: TypeAlias = Callable[[], dict[str, int]]
"""Returns counts, by their name."""


class ReconcilerRun:
    """The counts and gauges of one run, and the names of what failed."""

    def __init__(self, counts: Iterable[str]) -> None:
        self.done = dict.fromkeys(counts, 0)
        self.failed: dict[str, None] = {}
        self.gauges = Gauges()

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
