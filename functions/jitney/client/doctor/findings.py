"""A finding: what was checked, and whether it is in order."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """The level of a finding. A fault prevents Jitney from working; a warning may prevent it."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was checked, the verdict, what was found, and the next step. The next step is "" if all is in order."""

    check: str
    verdict: Verdict
    text: str
    fix: str = ""

    def document(self) -> dict[str, Any]:
        """Return the finding as JSON."""
        return asdict(self)


def ok(check: str, text: str) -> Finding:
    """Return a finding that is in order."""
    return Finding(check, Verdict.OK, text)


def warning(check: str, text: str, fix: str) -> Finding:
    """Return a finding that may prevent something from working."""
    return Finding(check, Verdict.WARNING, text, fix)


def fault(check: str, text: str, fix: str) -> Finding:
    """Return a finding that prevents Jitney from working."""
    return Finding(check, Verdict.FAULT, text, fix)
