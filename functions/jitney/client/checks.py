"""A target's check as the broker answers it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class CheckedCall:
    """One call that was tried: what for, which answers are right, what AWS answered, and else the fix."""

    name: str
    description: str
    expected: tuple[str, ...]
    answer: str
    ok: bool
    fix: str = ""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The attempt in a JSON object of the API. Raises KeyError or TypeError when it is none."""
        known = {item.name: document[item.name] for item in fields(cls) if item.name in document}
        # Whatever is not said to be right is wrong.
        return cls(**known | {"expected": tuple(document["expected"]), "ok": document["ok"] is True})


@dataclass(frozen=True, slots=True)
class TargetCheck:
    """Every attempt on a target's roles; `session` is their name in CloudTrail."""

    target: str
    account: str
    session: str
    attempts: tuple[CheckedCall, ...]

    @property
    def passed(self) -> bool:
        """Whether there were attempts and AWS answered each as it should."""
        return bool(self.attempts) and all(attempt.ok for attempt in self.attempts)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The check in a body of the API. Raises KeyError or TypeError when it is none."""
        attempts = tuple(CheckedCall.read(item) for item in document["attempts"])
        return cls(document["target"], document["account"], document["session"], attempts)

    def document(self) -> dict[str, Any]:
        """The check as JSON."""
        return asdict(self) | {"passed": self.passed}


@dataclass(frozen=True, slots=True)
class ApiContactCheck:
    """One thing that reviewers are reached by, for which groups, why it does not reach them, and the fix."""

    kind: str
    name: str
    groups: tuple[str, ...]
    code: str
    ok: bool
    fix: str = ""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The check in a JSON object of the API. Raises KeyError or TypeError when it is none."""
        known = {item.name: document[item.name] for item in fields(cls) if item.name in document}
        # Whatever is not said to be right is wrong.
        return cls(**known | {"groups": tuple(document["groups"]), "ok": document["ok"] is True})


@dataclass(frozen=True, slots=True)
class ReviewCheck:
    """Whether each channel and each reviewer can be reached."""

    checks: tuple[ApiContactCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether there is somebody to reach and everybody can be."""
        return bool(self.checks) and all(check.ok for check in self.checks)

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """The checks in a body of the API. Raises KeyError or TypeError when they are none."""
        return cls(tuple(ApiContactCheck.read(item) for item in document["checks"]))

    def document(self) -> dict[str, Any]:
        """The checks as JSON."""
        return asdict(self) | {"passed": self.passed}
