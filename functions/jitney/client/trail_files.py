"""CloudTrail's files as a trail leaves them in S3, and which of their events are of Jitney's roles.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
An event in a file is what EventBridge has as an event's `detail`.

Needs the extra `audit`.
"""

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from jitney.core.times import iso
from jitney.core.trail.event import ASSUME_ROLE_OPERATIONS, STS, RejectedEvent, SessionEvent, session_event

MOST_COMPRESSED, MOST_BYTES, MOST_MEMBERS = 16 * 1024 * 1024, 32 * 1024 * 1024, 100
"""Of a file, of its contents, and of the parts in gzip's form in it. CloudTrail's files are a few megabytes."""
DETAIL_TYPE = "AWS API Call via CloudTrail"
_GZIP = 31
_KEY = re.compile(
    r"(?:.*/)?AWSLogs/(?:o-[a-z0-9]{10,32}/)?(?P<account>\d{12})/CloudTrail/(?P<region>[a-z0-9-]+)/"
    r"(?P<day>\d{4}/\d\d/\d\d)/(?P=account)_CloudTrail_(?P=region)_\d{8}T\d{4}Z_\w+\.json\.gz",
    re.ASCII,
)
_ROLE = re.compile(r"arn:[a-z-]+:iam::(?P<account>\d{12}):role/jitney/[\w+=,.@-]{1,64}", re.ASCII)


class LogFile(NamedTuple):
    """A file: whose account's, of which Region, and the day (UTC) that it was delivered on."""

    key: str
    account: str
    region: str
    day: date


class MalformedLogFile(Exception):
    """A file that is not as CloudTrail writes them: `why`, as the end of a sentence."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class SelectedEvent(NamedTuple):
    """An event of a session of one of Jitney's roles, and what it is about."""

    event: Mapping[str, Any]
    seen: SessionEvent


def log_file(key: str) -> LogFile | None:
    """The file of this key; None for one that is none of CloudTrail's events, such as a digest."""
    found = _KEY.fullmatch(key)
    if not found:
        return None
    try:
        day = date.fromisoformat(found["day"].replace("/", "-"))
    except ValueError:
        return None
    return LogFile(key, found["account"], found["region"], day)


def events_in(body: bytes) -> list[Any]:
    """The events in a file. Raises Malformed."""
    try:
        document = json.loads(_decompressed(body))
    except (ValueError, RecursionError):
        raise MalformedLogFile("is no JSON") from None
    events = document.get("Records") if isinstance(document, dict) else None
    if not isinstance(events, list):
        raise MalformedLogFile("has no list of records")
    return events


def _decompressed(body: bytes) -> bytes:
    parts: list[bytes] = []
    left = MOST_BYTES
    for _ in range(MOST_MEMBERS):
        stream = zlib.decompressobj(_GZIP)
        try:
            parts.append(stream.decompress(body, left + 1))
        except zlib.error:
            raise MalformedLogFile("is not in gzip's form") from None
        left -= len(parts[-1])
        if left < 0:
            raise MalformedLogFile(f"is larger than {MOST_BYTES // 1024 // 1024} MiB")
        if not stream.eof:
            raise MalformedLogFile("ends too early")
        body = stream.unused_data
        if not body:
            return b"".join(parts)
    raise MalformedLogFile(f"has more than {MOST_MEMBERS} parts")


def select_events(events: list[Any], account: str) -> Iterator[SelectedEvent | RejectedEvent]:
    """Those of `events`, in a file of `account`, that are of Jitney's roles; Refused for one that cannot be used."""
    for event in events:
        roles = _roles_of(event)
        if not roles:
            continue
        try:
            seen = session_event(event, roles)
        except RejectedEvent as refused:
            yield refused
            continue
        if event.get("recipientAccountId", account) != account:
            yield RejectedEvent("not_of_this_account")
        elif seen:
            yield SelectedEvent(event, seen)


def message_of(chosen_event: SelectedEvent) -> str:
    """The event as EventBridge puts it into a queue, told by the role's account, whichever account's copy it is."""
    event, seen = chosen_event
    source = str(event.get("eventSource", ""))
    message = {
        "version": "0",
        "id": seen.event_id,
        "detail-type": DETAIL_TYPE,
        "source": f"aws.{source.partition('.')[0]}",
        "account": seen.account,
        "time": iso(seen.at),
        "region": event.get("awsRegion", ""),
        "resources": [],
        "detail": event,
    }
    # SQS takes no U+FFFE or U+FFFF, which keys of S3 may hold; in JSON's escapes it takes them all.
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    return json.dumps(message, separators=(",", ":"))


def _roles_of(event: Any) -> dict[str, str]:
    """Jitney's roles that an event may be about, with their accounts: which of them it is, `sighting` says."""
    if not isinstance(event, Mapping):
        return {}
    takes = event.get("eventSource") == STS and event.get("eventName") in ASSUME_ROLE_OPERATIONS
    taken = _at(event, "requestParameters", "roleArn") if takes else ""
    by = _at(event, "userIdentity", "sessionContext", "sessionIssuer", "arn")
    return {found[0]: found["account"] for each in (taken, by) if (found := _ROLE.fullmatch(each))}


def _at(value: Any, *path: str) -> str:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""
