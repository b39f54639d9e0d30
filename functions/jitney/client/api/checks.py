"""The broker's checks of a target and of the reviewers, as frozen values."""

from dataclasses import dataclass
from typing import Any

from jitney.client.api.api_object import ApiObject


@dataclass(frozen=True, slots=True)
class CheckedCall(ApiObject):
    """One call of a check: its purpose, the expected answers, AWS's answer, and the fix for an unexpected answer."""

    name: str
    description: str
    expected: tuple[str, ...]
    answer: str
    ok: bool
    fix: str = ""


@dataclass(frozen=True, slots=True)
class TargetCheck(ApiObject):
    """The calls that were made with a target's roles. `session` is their session name in CloudTrail."""

    target: str
    account: str
    session: str
    attempts: tuple[CheckedCall, ...]

    @property
    def passed(self) -> bool:
        """Whether any calls were made, and AWS answered each as expected."""
        return bool(self.attempts) and all(attempt.ok for attempt in self.attempts)

    def document(self) -> dict[str, Any]:
        """Return the check as JSON."""
        return ApiObject.document(self) | {"passed": self.passed}


@dataclass(frozen=True, slots=True)
class ApiContactCheck(ApiObject):
    """A channel or person: the groups served, whether it can be reached, and the code and fix if it cannot."""

    kind: str
    name: str
    groups: tuple[str, ...]
    code: str
    ok: bool
    fix: str = ""


@dataclass(frozen=True, slots=True)
class ReviewCheck(ApiObject):
    """Whether each channel and each reviewer can be reached."""

    checks: tuple[ApiContactCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether there are checks, and all of them passed."""
        return bool(self.checks) and all(check.ok for check in self.checks)

    def document(self) -> dict[str, Any]:
        """Return the checks as JSON."""
        return ApiObject.document(self) | {"passed": self.passed}
