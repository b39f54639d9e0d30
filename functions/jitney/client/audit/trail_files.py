"""CloudTrail's log files in S3, and the events of Jitney's roles in them.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
An event in a file equals the `detail` of the event from EventBridge.

Needs the extra `audit`.
"""

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from jitney.core.times import iso
from jitney.core.trail.event import ASSUME_ROLE_OPERATIONS, BACKFILLED, STS, RejectedEvent, SessionEvent, session_event

MOST_COMPRESSED, MOST_BYTES, MOST_MEMBERS = 16 * 1024 * 1024, 32 * 1024 * 1024, 100
"""Limits of a file's size, its content and its number of gzip members. CloudTrail's files have a few megabytes."""
DETAIL_TYPE = "AWS API Call via CloudTrail"
_GZIP = 31
_KEY = re.compile(
    r"(?:.*/)?AWSLogs/(?:o-[a-z0-9]{10,32}/)?(?P<account>\d{12})/CloudTrail/(?P<region>[a-z0-9-]+)/"
    r"(?P<day>\d{4}/\d\d/\d\d)/(?P=account)_CloudTrail_(?P=region)_\d{8}T\d{4}Z_\w+\.json\.gz",
    re.ASCII,
)
_ROLE = re.compile(r"arn:[a-z-]+:iam::(?P<account>\d{12}):role/jitney/[\w+=,.@-]{1,64}", re.ASCII)


class LogFile(NamedTuple):
    """A log file with its account."""

    key: str
    account: str


class MalformedLogFile(Exception):
    """A malformed log file. `reason` is the end of a sentence that begins with the file's key."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SelectedEvent(NamedTuple):
    """An event of a session of one of Jitney's roles.

    If one session of such a role started another one, `others` has the event as the first session's call.
    """

    event: Mapping[str, Any]
    seen: SessionEvent
    others: tuple[SessionEvent, ...] = ()

    @property
    def sessions(self) -> tuple[SessionEvent, ...]:
        """Return the event as each session's own. Which role is a target's, only the correlator knows."""
        return self.seen, *self.others


def log_file(key: str) -> LogFile | None:
    """Return the log file with this key; None for other objects, such as digests."""
    found = _KEY.fullmatch(key)
    if not found:
        return None
    try:
        date.fromisoformat(found["day"].replace("/", "-"))
    except ValueError:
        return None
    return LogFile(key, found["account"])


def events_in(body: bytes) -> list[Any]:
    """Return the events in a file. Raises MalformedLogFile."""
    try:
        document = json.loads(_decompressed(body))
    except (ValueError, RecursionError):
        raise MalformedLogFile("is not JSON") from None
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
            raise MalformedLogFile("is not gzip") from None
        left -= len(parts[-1])
        if left < 0:
            raise MalformedLogFile(f"is larger than {MOST_BYTES // 1024 // 1024} MiB")
        if not stream.eof:
            raise MalformedLogFile("is truncated")
        body = stream.unused_data
        if not body:
            return b"".join(parts)
    raise MalformedLogFile(f"has more than {MOST_MEMBERS} parts")


def select_events(events: list[Any], account: str) -> Iterator[SelectedEvent | RejectedEvent]:
    """Yield the events of Jitney's roles in a file of `account`, and a RejectedEvent for each unusable one."""
    for event in events:
        read = [found for role, owner in _roles_of(event).items() if (found := _read(event, role, owner))]
        sessions = [each for each in read if isinstance(each, SessionEvent)]
        if not sessions:
            yield from (each for each in read[:1] if isinstance(each, RejectedEvent))
        elif event.get("recipientAccountId", account) != account:
            yield RejectedEvent("not_of_this_account")
        else:
            yield SelectedEvent(event, sessions[0], tuple(sessions[1:]))


def message_of(chosen_event: SelectedEvent) -> str:
    """Return the event as a message from EventBridge that says that a backfill sent it.

    The account is the role's, not that of the file.
    """
    event, seen, _ = chosen_event
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
        BACKFILLED: True,
    }
    # SQS refuses U+FFFE and U+FFFF, which S3 keys may contain. JSON escapes avoid that.
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    return json.dumps(message, separators=(",", ":"))


def _read(event: Any, role: str, account: str) -> SessionEvent | RejectedEvent | None:
    """Return the event as that of a session of a role, or why it cannot be read."""
    try:
        return session_event(event, {role: account})
    except RejectedEvent as refused:
        return refused


def _roles_of(event: Any) -> dict[str, str]:
    """Return the roles of Jitney that an event may be about, with their accounts, an assumed role first.

    A session chooses which role it assumes, so an assumed role may have nothing to do with Jitney but its path.
    """
    if not isinstance(event, Mapping):
        return {}
    assumes = event.get("eventSource") == STS and event.get("eventName") in ASSUME_ROLE_OPERATIONS
    requested = _at(event, "requestParameters", "roleArn") if assumes else ""
    caller = _at(event, "userIdentity", "sessionContext", "sessionIssuer", "arn")
    return {found[0]: found["account"] for each in (requested, caller) if (found := _ROLE.fullmatch(each))}


def _at(value: Any, *path: str) -> str:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""
