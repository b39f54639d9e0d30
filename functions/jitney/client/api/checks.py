"""The broker's checks of a target and of the reviewers, as frozen values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self


def _members(check: type[Any], document: Mapping[str, Any], listed: str) -> dict[str, Any]:
    """Return the members of `document` that `check` has. `listed` is a list. Anything but `ok: true` is a failure."""
    known = {each.name: document[each.name] for each in fields(check) if each.name in document}
    return known | {listed: tuple(document[listed]), "ok": document["ok"] is True}


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """One call of a check: its purpose, the expected answers, AWS's answer, and the fix for an unexpected answer."""

    name: str
    description: str
    expected: tuple[str, ...]
    answer: str
    ok: bool
    fix: str = ""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the call in a JSON object of the API. Raises KeyError or TypeError for any other object."""
        return cls(**_members(cls, document, "expected"))


@dataclass(frozen=True, slots=True)
class TargetCheck:
    """The calls that were made with a target's roles. `session` is their session name in CloudTrail."""

    target: str
    account: str
    session: str
    attempts: tuple[CheckedCall, ...]

    @property
    def passed(self) -> bool:
        """Whether any calls were made, and AWS answered each as expected."""
        return bool(self.attempts) and all(attempt.ok for attempt in self.attempts)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the check in a body of the API. Raises KeyError or TypeError for any other body."""
        attempts = tuple(CheckedCall.read(item) for item in document["attempts"])
        return cls(document["target"], document["account"], document["session"], attempts)

    def document(self) -> dict[str, Any]:
        """Return the check as JSON."""
        return asdict(self) | {"passed": self.passed}


@dataclass(frozen=True, slots=True)
class ApiContactCheck:
    """A channel or person: the groups served, whether it can be reached, and the code and fix if it cannot."""

    kind: str
    name: str
    groups: tuple[str, ...]
    code: str
    ok: bool
    fix: str = ""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the check in a JSON object of the API. Raises KeyError or TypeError for any other object."""
        return cls(**_members(cls, document, "groups"))


@dataclass(frozen=True, slots=True)
class ReviewCheck:
    """Whether each channel and each reviewer can be reached."""

    checks: tuple[ApiContactCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether there are checks, and all of them passed."""
        return bool(self.checks) and all(check.ok for check in self.checks)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the checks in a body of the API. Raises KeyError or TypeError for any other body."""
        return cls(tuple(ApiContactCheck.read(item) for item in document["checks"]))

    def document(self) -> dict[str, Any]:
        """Return the checks as JSON."""
        return asdict(self) | {"passed": self.passed}
