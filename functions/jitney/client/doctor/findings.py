"""A finding: what was checked, and whether it is in order."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How grave a finding is. A fault keeps Jitney from working; a warning may."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was checked, the verdict, what was found, and the next step unless it is in order."""

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
    """Return a finding that may keep something from working."""
    return Finding(check, Verdict.WARNING, text, fix)


def fault(check: str, text: str, fix: str) -> Finding:
    """Return a finding that keeps Jitney from working."""
    return Finding(check, Verdict.FAULT, text, fix)
