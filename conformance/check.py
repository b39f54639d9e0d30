"""A check, and its result. Nothing else decides whether a check passed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from conformance.system import ConformanceSystem


class CheckState(StrEnum):
    """What a run says about a check. Unverified: the place where the check ran cannot show whether it holds."""

    PASSED = "passed"
    FAILED = "failed"
    UNVERIFIED = "unverified"


class CheckFailedError(Exception):
    """The system does not do what the check expects. The message says what it did instead.

    `observed` is what was seen.
    """

    def __init__(self, message: str, observed: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.observed = dict(observed or {})


@dataclass(frozen=True, slots=True)
class Observation:
    """What a check saw. `facts` are the same in each run at one place, and `measured` are times and sizes."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    measured: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table.

    `proves` are rows of the requirements, such as "END 1". `only_aws` says why the emulator cannot answer; "" if it
    can. `needs` names what the check needs on AWS in addition to the deployment. With `runs_locally` false, the
    emulator does not run the check at all.
    """

    name: str
    proves: str
    what: str
    run: Callable[[ConformanceSystem], Observation]
    only_aws: str = ""
    needs: str = ""
    runs_locally: bool = True


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check. `reason` says why it failed or stays unverified; "" if it passed."""

    check: Check
    state: CheckState
    reason: str
    observation: Observation
    seconds: float

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "name": self.check.name,
            "proves": self.check.proves,
            "what": self.check.what,
            "state": str(self.state),
            "reason": self.reason,
            "facts": dict(self.observation.facts),
            "measured": dict(self.observation.measured),
            "seconds": round(self.seconds, 1),
        }


def run_check(check: Check, system: ConformanceSystem) -> CheckResult:
    """Run a check. In the emulator, a check that only AWS can answer stays unverified.

    Only an unexpected error fails such a check there.
    """
    answerable = system.on_aws or not check.only_aws
    if not system.on_aws and not check.runs_locally:
        return CheckResult(check, CheckState.UNVERIFIED, f"not run: {check.only_aws}", Observation(), 0.0)
    began = time.monotonic()
    seen, problem, failed = Observation(), "", False
    try:
        seen = check.run(system)
    except CheckFailedError as failure:
        seen, problem, failed = Observation(failure.observed), str(failure), answerable
    except Exception as error:  # noqa: BLE001 - a check that breaks must not hide the others
        problem, failed = f"{type(error).__name__}: {error}", True
    seconds = time.monotonic() - began
    if failed:
        return CheckResult(check, CheckState.FAILED, problem, seen, seconds)
    if not answerable:
        reason = f"{check.only_aws} Here: {problem}" if problem else check.only_aws
        return CheckResult(check, CheckState.UNVERIFIED, reason, seen, seconds)
    return CheckResult(check, CheckState.PASSED, "", seen, seconds)
