"""The parameters of a CloudTrail event by the API's names.

CloudTrail spells parameters differently from the API: with a small first letter, "bucketName" for S3's bucket, lists of
EC2 as {"instancesSet": {"items": [{"instanceId": ...}]}} or {"FlowLogId": {"content": ...}}, and all parameters below
{"StopInstancesRequest": ...} or {"createStageInput": ...}.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jitney.core.calls.operations import Operation
from jitney.core.trail.call import CloudTrailCall

_SPELLINGS: Mapping[str, Mapping[str, str]] = {
    "ec2": {"resources": "resourceid"},
    "s3": {"bucket": "bucketname", "copysource": "x-amz-copy-source"},
    "s3express": {"bucket": "bucketname"},
}
"""How events spell parameters, and members of lists, in lower case, by service.

Parameters that differ only in the first letter are left out.
"""
_WRAPPER = re.compile(r"\w+(?:Request|Req|Input)", re.ASCII)
MOST_VALUES = 200
"""How many values of one parameter are compared."""


def unwrapped(given: Mapping[str, Any], operation: Operation | None) -> dict[str, Any]:
    """Return parameters by names in lower case. A member around some of them is replaced by its members."""
    members = {member.name.lower() for member in operation.members} if operation else {}
    found: dict[str, Any] = {}
    for name, value in given.items():
        if operation and isinstance(value, dict) and name.lower() not in members and _WRAPPER.fullmatch(name):
            found |= {each.lower(): inner for each, inner in value.items()}
        else:
            found[name.lower()] = value
    return found


def raw_parameters(call: CloudTrailCall) -> dict[str, Any]:
    """Return the parameters of a call with the event's own names."""
    try:
        given = json.loads(call.request) if call.request else None
    except ValueError:
        given = None
    return given if isinstance(given, dict) else {}


def event_parameters(call: CloudTrailCall, operation: Operation | None) -> dict[str, Any]:
    """Return the parameters of an event by the API's names; {} for an operation that is not known."""
    if operation is None:
        return {}
    given = raw_parameters(call)
    by_name = unwrapped(given, operation)
    spelt = _SPELLINGS.get(call.service, {})
    found = {}
    for member in operation.members:
        name = member.name.lower()
        value = by_name.get(spelt.get(name, name), by_name.get(name))
        if member.kind == "l" and not isinstance(value, list):
            value = list(_listed(given, spelt.get(name, name.removesuffix("s"))))[:MOST_VALUES]
        if value not in (None, "", [], {}):
            found[member.name] = value
    return found


def _listed(value: Any, name: str) -> Iterator[str]:
    """Yield the texts of all members with a name, in lower case, at any depth."""
    if isinstance(value, list):
        for each in value:
            yield from _listed(each, name)
    elif isinstance(value, dict):
        for key, each in value.items():
            text = each.get("content") if isinstance(each, dict) else each
            if key.lower() == name and isinstance(text, str):
                yield text
            else:
                yield from _listed(each, name)
