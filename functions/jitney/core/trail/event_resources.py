"""The resources that a CloudTrail event names: in its parameters, as a call does, or in its own list.

CloudTrail spells parameters differently from the API: with a small first letter, "bucketName" for S3's bucket, and
lists of EC2 as {"instancesSet": {"items": [{"instanceId": ...}]}} or {"FlowLogId": {"content": ...}}.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from jitney.core.actions import Action
from jitney.core.calls.call import AwsLocation
from jitney.core.calls.named_resources import resources_of
from jitney.core.calls.operations import NeedsVariant, Operation, RequiredAction
from jitney.core.calls.templates import condition_holds, members_of, templates_of
from jitney.core.calls.transforms import CONTENT_TRANSFORMS
from jitney.core.masking.mask_tags import MASK
from jitney.core.patterns import MAX_STEPS, Budget, PatternTooComplex
from jitney.core.problems import Problem
from jitney.core.trail.call import CloudTrailCall

_SPELLINGS: Mapping[str, Mapping[str, str]] = {"s3": {"bucket": "bucketname", "copysource": "x-amz-copy-source"}}
"""How events spell parameters, in lower case, by service.

Parameters that differ only in the first letter are left out.
"""
NamedResource: TypeAlias = tuple[str, ...]
"""The possible ARNs of one named resource. A wildcard is a part that the event does not show."""
_ESCAPED = re.compile("(?:%[0-9A-Fa-f]{2})+")
MOST_VALUES = 200
"""How many values of one parameter are compared."""


def event_parameters(call: CloudTrailCall, operation: Operation | None) -> dict[str, Any]:
    """Return the parameters of an event by the API's names; {} for an operation that is not known."""
    try:
        given = json.loads(call.request) if call.request else None
    except ValueError:
        given = None
    if operation is None or not isinstance(given, dict):
        return {}
    by_name = {name.lower(): value for name, value in given.items()}
    spelt = _SPELLINGS.get(call.service, {})
    found = {}
    for member in operation.members:
        name = member.name.lower()
        value = by_name.get(spelt.get(name, name), by_name.get(name))
        if member.kind == "l" and not isinstance(value, list):
            value = list(_listed(given, name.removesuffix("s")))[:MOST_VALUES]
        if member.name == "CopySource" and isinstance(value, str):
            value = _unescaped(value)  # a header has it escaped, and a call has it as it is
        if value not in (None, "", [], {}):
            found[member.name] = value
    return found


def place_of(call: CloudTrailCall) -> AwsLocation:
    """Return the location of a call."""
    return AwsLocation(call.role_arn.split(":")[1], call.region, call.account)


def may_hold(variant: NeedsVariant, parameters: Mapping[str, Any], place: AwsLocation) -> bool:
    """Return whether the condition of a variant holds, or is unknown because of another account's resource."""
    try:
        return condition_holds(variant.when, parameters, place)
    except Problem:
        return True


def named_by_parameters(
    call: CloudTrailCall, need: RequiredAction, parameters: Mapping[str, Any]
) -> tuple[NamedResource, ...]:
    """Return the resources that the parameters name for a need; () if they name none or are not understood."""
    members = {name: transform for template in templates_of(need) for name, transform in members_of(template)}
    if any(transform in CONTENT_TRANSFORMS and name in parameters for name, transform in members.items()):
        return ()  # events spell members of structures otherwise, and leave some out
    readable = {
        name: value for name, value in parameters.items() if not (isinstance(value, str) and MASK.search(value))
    }
    place = place_of(call)
    for unread in ("", *members):  # callers choose names, so one that no pattern can hold leaves only its part open
        try:
            found = resources_of(need, {name: value for name, value in readable.items() if name != unread}, place)
        except Problem as refused:
            if refused.code == "account_mismatch":
                service = need.action.partition(":")[0]
                return ((f"arn:{place.partition}:{service}:{place.region}:another-account:*",),)
        else:
            return tuple((arn, *_with_path(arn)) for arn in found if not MASK.search(arn))
    return ()


def named_by_event(call: CloudTrailCall, action: Action, parameters: Mapping[str, Any]) -> Iterator[NamedResource]:
    """Yield the ARNs in the event's list and in its parameters on which the action acts."""
    budget = Budget(MAX_STEPS)
    values = [each for each in parameters.values() if isinstance(each, str) and each.startswith("arn:")]
    for arn in dict.fromkeys((*call.resources, *values)):
        try:
            if not MASK.search(arn) and any(kind.may_match(arn, budget) for kind in action.resource_types):
                yield (arn,)
        except PatternTooComplex:
            yield (arn,)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: bytes.fromhex(found[0].replace("%", "")).decode(errors="replace"), text)


def _with_path(arn: str) -> Iterator[str]:
    """Yield the pattern of an IAM name with a path. Events have names without paths, and ARNs have paths."""
    kind, slash, name = arn.partition("/")
    if slash and kind.split(":")[2] == "iam":
        yield f"{kind}/*/{name}"


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
