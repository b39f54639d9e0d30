"""What an agent requests: the target, the permissions, the duration and the reason."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from jitney.client.api.api_object import ApiConditions, ApiObject, without_empty_conditions


@dataclass(frozen=True, slots=True)
class ApiPermission(ApiObject):
    """All `actions` (`service:Name`) on all `resources` (ARNs, or "*"). Both may contain `*` and `?`.

    `conditions` limit the calls.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: ApiConditions = ()

    def document(self) -> dict[str, Any]:
        """Return the permission as the API's JSON, which has no empty conditions."""
        return without_empty_conditions(ApiObject.document(self))


@dataclass(frozen=True, slots=True)
class OperationCall:
    """One operation of an SDK, with AWS's names. `parameters` are JSON. `region` is "" for the target's Region."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    region: str = ""

    def document(self) -> dict[str, Any]:
        """Return the call as the API's JSON."""
        call = {"service": self.service, "operation": self.operation, "parameters": dict(self.parameters)}
        return call | ({"region": self.region} if self.region else {})


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """One access request as the agent states it. The broker validates it.

    For `calls` (AWS CLI command lines) and `operations`, the broker determines the permissions, and `permissions` is
    empty. With an `access_profile` of the target, all of these may be empty, or narrow the profile. With the `way`
    "gateway", the broker makes the calls. With `reveal`, sensitive values in answers are not masked.
    """

    target: str
    permissions: tuple[ApiPermission, ...]
    duration_seconds: int
    reason: str
    ticket: str = ""
    calls: tuple[str, ...] = ()
    access_profile: str = ""
    way: str = "credentials"
    reveal: bool = False
    operations: tuple[OperationCall, ...] = ()
    changed: str = ""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """Return the request in a JSON object that the method `document` returned."""
        calls = document.get("calls", ())
        lists = {
            "permissions": tuple(ApiPermission.read(each) for each in document.get("permissions", ())),
            "calls": tuple(each for each in calls if isinstance(each, str)),
            "operations": tuple(OperationCall(**each) for each in calls if not isinstance(each, str)),
        }
        return cls(**{**document, **lists})

    def document(self) -> dict[str, Any]:
        """Return the body for POST /v1/grants and POST /v1/decisions."""
        body: dict[str, Any] = {
            "target": self.target,
            "permissions": [permission.document() for permission in self.permissions],
            "duration_seconds": self.duration_seconds,
            "reason": self.reason,
        }
        if self.calls or self.operations:
            del body["permissions"]
            body["calls"] = [*self.calls, *(each.document() for each in self.operations)]
        if self.access_profile:
            body["access_profile"] = self.access_profile
            if not self.permissions:
                body.pop("permissions", None)
        if self.way != "credentials":
            body |= {"way": self.way} | ({"reveal": True} if self.reveal else {})
        body |= {"changed": self.changed} if self.changed else {}
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
        raise ValueError('permissions: a list of at least one {"actions": [...], "resources": [...]} is expected')
    return tuple(_permission(item, f"permissions[{index}]") for index, item in enumerate(document))


def _permission(item: Any, place: str) -> ApiPermission:
    if not isinstance(item, dict) or set(item) - {"conditions"} != {"actions", "resources"}:
        raise ValueError(f"{place}: an object with actions, resources and, if needed, conditions is expected")
    conditions = item.get("conditions", {})
    for key, values in conditions.items() if isinstance(conditions, dict) else (("", None),):
        if not isinstance(values, list) or not values or not all(isinstance(each, str) for each in values):
            inside = f"{place}.conditions{f'.{key}' if key else ''}"
            raise ValueError(f"{inside}: a list of at least one string for each key is expected")
    for name in ("actions", "resources"):
        _check_names(item[name], f"{place}.{name}")
    return ApiPermission.read(item)


def _check_names(value: Any, place: str) -> None:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
        raise ValueError(f"{place}: a list of at least one non-empty string is expected")
