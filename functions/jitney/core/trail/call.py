"""A call as it is stored: masked, and flat, so that its members become Athena's columns."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from jitney.core.stored_types import listed, with_types
from jitney.core.trail.event import SessionEvent, source_and_name
from jitney.core.trail.resource_changes import resource_changes_of

VERSION = 1
CALLS_PREFIX = "k-"
"""The prefix of the partitions with calls in the audit table."""
MOST_BYTES = 130_000
"""The size of parameters, and of an answer, in the line of a call. An item holds both, and DynamoDB allows 400 KB."""
MOST_RESOURCES = 50
MOST_CHARACTERS = 2048
"""The number of an event's resources that are kept, and the length of each one."""

ActionsOf: TypeAlias = Callable[[str, str, Mapping[str, Any]], tuple[str, ...]]
"""Maps an event's source, name and parameters to the IAM actions that authorize the operation."""


@dataclass(frozen=True, slots=True)
class CloudTrailCall:
    """One call with a target's role, or the event that started the session. `time` is in epoch seconds.

    `access_key_id` is the key that signed the call; for the start of a session, the session's key.
    `issued_access_key_id` is the key that the call returned. `invoked_by` is the AWS service that called for the
    session. `request` and `response` are JSON. `created` and `deleted` are described in `ResourceChanges`.
    """

    event_id: str
    time: int
    account: str
    region: str
    role_arn: str
    session: str
    access_key_id: str
    source_identity: str
    invoked_by: str
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
    issued_access_key_id: str
    created: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


def call_of(masked: Mapping[str, Any], seen: SessionEvent, actions_of: ActionsOf) -> CloudTrailCall:
    """Return the call in a masked event. `seen` was read from the unmasked event. Raises RejectedEvent."""
    source, name = source_and_name(masked)
    parameters = masked.get("requestParameters")
    data = masked.get("additionalEventData")
    transferred = data if isinstance(data, Mapping) else {}
    service = source.removesuffix(".amazonaws.com")
    changes = resource_changes_of(masked, service, name)
    return CloudTrailCall(
        event_id=seen.event_id,
        time=seen.at,
        account=seen.account,
        region=_text(masked, "awsRegion"),
        role_arn=seen.role_arn,
        session=seen.session,
        access_key_id=seen.access_key_id,
        source_identity=seen.source_identity,
        invoked_by=seen.invoked_by,
        service=service,
        operation=name,
        actions=actions_of(source, name, parameters if isinstance(parameters, Mapping) else {}),
        resources=_resources(masked),
        read_only=masked.get("readOnly") is True,
        error_code=_text(masked, "errorCode"),
        error_message=_text(masked, "errorMessage", 2000),
        source_ip=_text(masked, "sourceIPAddress"),
        user_agent=_text(masked, "userAgent", 500),
        request_id=_text(masked, "requestID"),
        request=_json(parameters),
        response=_json(masked.get("responseElements")),
        bytes_in=_number(transferred, "bytesTransferredIn"),
        bytes_out=_number(transferred, "bytesTransferredOut"),
        issued_access_key_id=seen.issue.access_key_id if seen.issue and seen.issue.parent else "",
        created=changes.created,
        deleted=changes.deleted,
    )


def calls_partition(account: str, access_key_id: str) -> str:
    """Return the `pk` of the calls with an access key, in the audit table."""
    return f"{CALLS_PREFIX}{account}-{access_key_id or 'none'}"


def grant_keys_partition(grant_id: str) -> str:
    """Return the `pk` of the keys that called in a grant's name, in the audit table."""
    return f"{CALLS_PREFIX}{grant_id}"


def call_to_json(call: CloudTrailCall) -> str:
    """Return the call as JSON."""
    return json.dumps(members_of(call), separators=(",", ":"), ensure_ascii=False)


def members_of(call: CloudTrailCall) -> dict[str, Any]:
    """Return the call's members by name. Their values are immutable, so they are not copied."""
    return {name: getattr(call, name) for name in CloudTrailCall.__slots__}


def call_from_json(text: str) -> CloudTrailCall:
    """Return the call in a text by `call_to_json`. Raises TypeError or ValueError for other texts."""
    return call_from_members(json.loads(text))


def call_from_members(members: Mapping[str, Any]) -> CloudTrailCall:
    """Return the call with these members; others are ignored.

    Raises KeyError, or TypeError for a member of another type.
    """
    own = {name: members[name] for name in CloudTrailCall.__slots__}
    lists = {name: listed(own[name]) for name in ("actions", "resources", "created", "deleted")}
    return with_types(CloudTrailCall(**own | lists))


def _resources(masked: Mapping[str, Any]) -> tuple[str, ...]:
    listed = masked.get("resources")
    entries = listed if isinstance(listed, list) else []
    arns = (each.get("ARN") for each in entries if isinstance(each, Mapping))
    return tuple(dict.fromkeys(arn[:MOST_CHARACTERS] for arn in arns if isinstance(arn, str)))[:MOST_RESOURCES]


def _text(holder: Mapping[str, Any], name: str, most: int = 200) -> str:
    value = holder.get(name)
    return value[:most] if isinstance(value, str) else ""


def _number(holder: Mapping[str, Any], name: str) -> int:
    value = holder.get(name)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0


def _json(value: Any) -> str:
    """Return parameters or an answer as JSON; "" for none. If the JSON is too long, its largest members are omitted."""
    if value is None:
        return ""
    text = _compact(value)
    if _stored_bytes(text) <= MOST_BYTES:
        return text
    cut = _compact(_cut(value, MOST_BYTES))
    return cut if _stored_bytes(cut) <= MOST_BYTES else _compact(_omitted(value))


def _cut(value: Any, most: int) -> Any:
    """Return a value that has more than `most` bytes without its largest members, or only its length.

    Callers fill members with long texts. So the members that name resources remain, which are short. Some operations
    have all members in one (`core.trail.event_parameters`).
    """
    if not isinstance(value, Mapping):
        return _omitted(value)
    sizes = {name: _stored_bytes(_compact({name: each})) for name, each in value.items()}
    if len(value) == 1:
        ((name, inner),) = value.items()
        return {name: _cut(inner, most - sizes[name] + _stored_bytes(_compact(inner)))}
    kept, left = dict(value), sum(sizes.values())
    for name in sorted(sizes, key=lambda name: sizes[name], reverse=True):
        if left > most:
            kept[name] = _omitted(value[name])
            left += _stored_bytes(_compact({name: kept[name]})) - sizes[name]
    return kept


def _omitted(value: Any) -> dict[str, int]:
    return {"omitted_characters": len(_compact(value))}


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _stored_bytes(text: str) -> int:
    """Return the size of a JSON text in the line of a call. The line is JSON, too, so it escapes the text."""
    return len(json.dumps(text, ensure_ascii=False).encode())
