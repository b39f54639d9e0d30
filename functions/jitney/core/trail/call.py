"""A call as it is kept: what a session did, masked, as flat as Athena likes its columns."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from jitney.core.trail.event import SessionEvent, source_and_name
from jitney.core.trail.resource_changes import resource_changes_of

VERSION = 1
CALLS_PREFIX = "k-"
"""How the partitions of the audit table begin that hold calls."""
MOST_TEXT = 100_000
"""Characters of parameters or of an answer that are kept: an item of DynamoDB has 400 KB, and holds both."""
MOST_RESOURCES = 50

ActionsOf: TypeAlias = Callable[[str, str, Mapping[str, Any]], tuple[str, ...]]
"""From an event's source, its name and its parameters to the IAM actions that authorize the operation."""


@dataclass(frozen=True, slots=True)
class CloudTrailCall:
    """One call in a session of a target's role, or the one by which the session began. `time` in epoch seconds.

    `access_key_id` is what it was signed with; of the one by which a session began, what that began with. `issued` is
    the key that it gave out, `via` the service that called for the session. `request` and `response` are JSON,
    `made` and `taken` as `jitney.core.trail.resource_changes.ResourceChanges`.
    """

    event_id: str
    time: int
    account: str
    region: str
    role_arn: str
    session: str
    access_key_id: str
    source_identity: str
    via: str
    service: str
    operation: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    read_only: bool
    error_code: str
    error_message: str
    source_ip: str
    user_agent: str
    request_id: str
    request: str
    response: str
    bytes_in: int
    bytes_out: int
    issued: str
    made: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()


def call_of(masked: Mapping[str, Any], seen: SessionEvent, actions_of: ActionsOf) -> CloudTrailCall:
    """The call that a masked event tells of; `seen` is what was read in the event as it came. Raises Refused."""
    source, name = source_and_name(masked)
    asked = masked.get("requestParameters")
    data = masked.get("additionalEventData")
    moved = data if isinstance(data, Mapping) else {}
    service = source.removesuffix(".amazonaws.com")
    remains = resource_changes_of(masked, service, name)
    return CloudTrailCall(
        event_id=seen.event_id,
        time=seen.at,
        account=seen.account,
        region=_text(masked, "awsRegion"),
        role_arn=seen.role_arn,
        session=seen.session,
        access_key_id=seen.access_key_id,
        source_identity=seen.source_identity,
        via=seen.via,
        service=service,
        operation=name,
        actions=actions_of(source, name, asked if isinstance(asked, Mapping) else {}),
        resources=_resources(masked),
        read_only=masked.get("readOnly") is True,
        error_code=_text(masked, "errorCode"),
        error_message=_text(masked, "errorMessage", 2000),
        source_ip=_text(masked, "sourceIPAddress"),
        user_agent=_text(masked, "userAgent", 500),
        request_id=_text(masked, "requestID"),
        request=_json(asked),
        response=_json(masked.get("responseElements")),
        bytes_in=_number(moved, "bytesTransferredIn"),
        bytes_out=_number(moved, "bytesTransferredOut"),
        issued=seen.issue.access_key_id if seen.issue and seen.issue.parent else "",
        made=remains.made,
        taken=remains.taken,
    )


def calls_partition(account: str, access_key_id: str) -> str:
    """The `pk` in the audit table of what is known about the calls with a key."""
    return f"{CALLS_PREFIX}{account}-{access_key_id or 'none'}"


def grant_keys_partition(grant_id: str) -> str:
    """The `pk` in the audit table of the keys with which calls were made in the name of a grant."""
    return f"{CALLS_PREFIX}{grant_id}"


def call_to_json(call: CloudTrailCall) -> str:
    """The call as JSON."""
    return json.dumps(members_of(call), separators=(",", ":"), ensure_ascii=False)


def members_of(call: CloudTrailCall) -> dict[str, Any]:
    """The call by its members' names. All are flat, so that nothing is copied, unlike by dataclasses.asdict."""
    return {name: getattr(call, name) for name in CloudTrailCall.__slots__}


def call_from_json(text: str) -> CloudTrailCall:
    """The call in what `text_of` wrote. Raises TypeError or ValueError for anything else."""
    return call_from_members(json.loads(text))


def call_from_members(members: Mapping[str, Any]) -> CloudTrailCall:
    """The call of these members, which may be more than a call's. Raises KeyError or TypeError for anything else."""
    own = {name: members[name] for name in CloudTrailCall.__slots__}
    return CloudTrailCall(**own | {name: tuple(own[name]) for name in ("actions", "resources", "made", "taken")})


def _resources(masked: Mapping[str, Any]) -> tuple[str, ...]:
    listed = masked.get("resources")
    named_here = listed if isinstance(listed, list) else []
    arns = (each.get("ARN") for each in named_here if isinstance(each, Mapping))
    return tuple(dict.fromkeys(arn[:2048] for arn in arns if isinstance(arn, str)))[:MOST_RESOURCES]


def _text(holder: Mapping[str, Any], name: str, most: int = 200) -> str:
    value = holder.get(name)
    return value[:most] if isinstance(value, str) else ""


def _number(holder: Mapping[str, Any], name: str) -> int:
    value = holder.get(name)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0


def _json(value: Any) -> str:
    """The JSON of parameters or of an answer, "" for none; how long it is where that is too long."""
    if value is None:
        return ""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text if len(text) <= MOST_TEXT else json.dumps({"omitted_characters": len(text)})
