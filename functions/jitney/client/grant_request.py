"""What an agent requests: the target, the permissions, the duration and the reason."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class ApiPermission:
    """All `actions` (`service:Name`) on all `resources` (ARNs, or "*"). Both may contain `*` and `?`."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def document(self) -> dict[str, list[str]]:
        """Return the permission as the API's JSON."""
        return {"actions": list(self.actions), "resources": list(self.resources)}


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """One access request as the agent states it. The broker validates it.

    For `calls` (AWS CLI command lines), the broker determines the permissions, and `permissions` is empty.
    """

    target: str
    permissions: tuple[ApiPermission, ...]
    duration_seconds: int
    reason: str
    ticket: str = ""
    calls: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return the body for POST /v1/grants and POST /v1/decisions."""
        body: dict[str, Any] = {
            "target": self.target,
            "permissions": [permission.document() for permission in self.permissions],
            "duration_seconds": self.duration_seconds,
            "reason": self.reason,
        }
        if self.calls:
            del body["permissions"]
            body["calls"] = list(self.calls)
        return body | {"ticket": self.ticket} if self.ticket else body


def aws_cli_calls(command: Sequence[str]) -> tuple[str, ...]:
    """Return the call to request access for if the command is the AWS CLI; () for other commands."""
    if not command or Path(command[0]).name != "aws":
        return ()
    return (shlex.join(["aws", *command[1:]]),)


def parse_permissions(text: str) -> tuple[ApiPermission, ...]:
    """Return the permissions in a JSON document: a list, or an object with the list in `permissions`.

    Raises ValueError that names the place of the first error.
    """
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if isinstance(document, dict) and set(document) == {"permissions"}:
        document = document["permissions"]
    if not isinstance(document, list) or not document:
        raise ValueError('permissions: a list of {"actions": [...], "resources": [...]} with at least one is expected')
    return tuple(_permission(item, f"permissions[{index}]") for index, item in enumerate(document))


def _permission(item: Any, place: str) -> ApiPermission:
    if not isinstance(item, dict) or set(item) != {"actions", "resources"}:
        raise ValueError(f"{place}: an object with exactly actions and resources is expected")
    return ApiPermission(_names(item["actions"], f"{place}.actions"), _names(item["resources"], f"{place}.resources"))


def _names(value: Any, place: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise ValueError(f"{place}: a list of at least one non-empty string is expected")
    return tuple(value)
