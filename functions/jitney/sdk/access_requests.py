"""Builds a request from the arguments of a Python program."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, TypeAlias

from jitney.client.api.api_object import ApiConditions
from jitney.client.api.grant_request import (
    ApiPermission,
    GrantRequest,
    OperationCall,
    parse_permissions,
)
from jitney.client.inputs.call_files import with_contents
from jitney.client.problems import Invalid
from jitney.client.terminal.durations import parse_duration

Call: TypeAlias = str | tuple[str, str, Mapping[str, Any]]
"""An AWS CLI command line, or a service, an operation and its parameters with boto3's names."""
Duration: TypeAlias = str | float | timedelta
"""A text such as 90s, 5m or 1h30m, seconds, or a timedelta."""
Names: TypeAlias = str | Iterable[str]
"""One name, or several."""


def requested_calls(calls: Sequence[Call]) -> tuple[tuple[str, ...], tuple[OperationCall, ...]]:
    """Return the command lines, with the files that they name, and the operations. Raises Invalid for another value."""
    if isinstance(calls, str):
        raise invalid("calls is a string.", f"Write a list: calls=[{calls!r}].")
    if not isinstance(calls, Iterable):
        raise invalid(f"calls is {calls!r:.80}.", "Give a list of calls.")
    lines = [call for call in calls if isinstance(call, str)]
    return with_contents(lines), tuple(_operation(call) for call in calls if not isinstance(call, str))


def requested_permissions(
    actions: Names, resources: Names, conditions: Mapping[str, Names], permissions: Sequence[Mapping[str, Any]]
) -> tuple[ApiPermission, ...]:
    """Return the permissions that `actions`, `resources` and `conditions` state, or those in `permissions`.

    Return () if none are stated. Raises Invalid if they are incomplete, or if both forms are given.
    """
    named = bool(actions or resources or conditions)
    if named and permissions:
        raise invalid(
            "permissions cannot be combined with actions, resources and conditions.", "Give one or the other."
        )
    if permissions:
        try:
            return parse_permissions(json.dumps(list(permissions)))
        except (TypeError, ValueError) as error:
            raise invalid(f"{error}.", 'Give a list of {"actions": […], "resources": […]}.') from error
    if not named:
        return ()
    if not (actions and resources):
        raise invalid("actions and resources are both needed.", "Give both, or calls, or permissions.")
    if not isinstance(conditions, Mapping):
        raise invalid(f"conditions is {conditions!r:.80}.", 'Write {"s3:prefix": ["2026/"]}.')
    limits: ApiConditions = tuple(sorted((key, _names(f"The condition {key}", conditions[key])) for key in conditions))
    return (ApiPermission(_names("actions", actions), _names("resources", resources), limits),)


def access_request(request: GrantRequest) -> GrantRequest:
    """Return the request. Raises Invalid if it has no reason or no access, or states the access in two ways."""
    if not request.reason:
        raise invalid("reason is empty.", "Say in a sentence what the access is for.")
    called = bool(request.calls or request.operations)
    if called and request.permissions:
        raise invalid("calls cannot be combined with actions, resources or permissions.", "Give one or the other.")
    if not (called or request.permissions or request.access_profile):
        raise invalid("The request names no access.", "Give calls, or actions and resources, or access_profile.")
    if request.way not in ("credentials", "gateway"):
        raise invalid(f"way is {request.way!r}.", 'Use "credentials" or "gateway".')
    if request.reveal and request.way != "gateway":
        raise invalid("reveal needs the gateway, because only the gateway masks answers.", 'Add way="gateway".')
    return request


def whole_seconds(name: str, duration: Duration) -> int:
    """Return the duration in seconds. Raises Invalid, naming the argument, if it is not a duration."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    try:
        return round(seconds) if isinstance(seconds, int | float) else parse_duration(seconds)
    except (ValueError, TypeError, OverflowError) as error:
        raise invalid(f"{name}: {error}.", 'Write it like "90s", "5m" or "1h30m", or give seconds.') from error


def invalid(detail: str, fix: str) -> Invalid:
    """Return the problem that an argument is not valid."""
    return Invalid("argument_invalid", "An argument is not valid", detail, fix)


def _names(name: str, given: Names) -> tuple[str, ...]:
    if isinstance(given, Iterable):
        return (given,) if isinstance(given, str) else tuple(given)
    raise invalid(f"{name} is {given!r:.80}.", "Give a text, or a list of texts.")


def _operation(call: Any) -> OperationCall:
    if not (isinstance(call, tuple | list) and len(call) == 3 and isinstance(call[2], Mapping)):
        detail = f"{call!r:.80} is no call."
        raise invalid(detail, 'Give an AWS CLI command line, or ("s3", "GetObject", {"Bucket": …, "Key": …}).')
    service, operation, parameters = call
    try:
        return OperationCall(str(service), str(operation), json.loads(json.dumps(dict(parameters), default=_as_json)))
    except (TypeError, ValueError) as error:
        raise invalid(
            f"The parameters of {service} {operation} are not JSON: {error}.", "Use boto3's values."
        ) from error


def _as_json(value: Any) -> str:
    """Return bytes in base64 and times in ISO 8601, as the API accepts them."""
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
