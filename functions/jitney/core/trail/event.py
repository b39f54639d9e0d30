"""Reads a CloudTrail event, and finds the session of a target's role in it.

AWS writes the event, but callers choose names, parameters and messages in it. So the form of every text that is used as
a name is checked. An event that fails is rejected and counted.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from jitney.core.times import epoch

ASSUME_ROLE_OPERATIONS = frozenset({"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})
"""The operations that start a session of a role."""
SCOPED_CREDENTIALS_OPERATION = "GetScopedCredentials"
STS = "sts.amazonaws.com"
CONSOLE = "signin.amazonaws.com"
"""The AWS console in `invokedBy`.

The console is not a service that calls for a session: the holder of the session uses it. Newer events have
`sessionCredentialFromConsole` instead, and some of them name the called service as `invokedBy`.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""
VPC_ENDPOINT_EVENT = "AwsVpceEvent"
"""The `eventType` of network activity: a call that passed a VPC endpoint, or that the endpoint denied.

The service logs an event of the call, too. Only the service's event shows whether IAM denied the call.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-network-events-with-cloudtrail.html
"""
DEEPEST = 200
"""How many levels an event may be nested. CloudTrail's events have far fewer."""

_TEXT = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_IDENTITY = re.compile(r"[\w+=,.@-]{0,256}", re.ASCII)
_ID = re.compile(r"[\w:.-]{1,128}", re.ASCII)
_KEY = re.compile(r"[A-Z0-9]{16,128}", re.ASCII)
_SOURCE = re.compile(r"[a-z0-9.-]{1,64}\.amazonaws\.com", re.ASCII)
_OPERATION = re.compile(r"\w{1,128}", re.ASCII)


AWS_SOURCE_PREFIX = "aws."
"""The prefix of `source` in events from AWS services. PutEvents refuses it for other callers.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
"""
CLOUDTRAIL_SUFFIX = " via CloudTrail"
"""The end of `detail-type` in CloudTrail's events: "AWS API Call via CloudTrail", "AWS Console Sign In via CloudTrail".

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
"""
BACKFILLED = "backfilled"
"""The member of a message that says that a backfill read the event from a trail's file. EventBridge never sets it."""
MAX_CLOCK_SKEW_SECONDS = 300
"""How far an event's time may be ahead of the reader's clock."""

DUPLICATE_EVENT_SECONDS = 60
"""How far the times of an event's copies may differ. Two accounts may receive the event."""


class RejectedEvent(Exception):
    """An event about a target's role that is malformed, or whose subject cannot be read."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class KeyIssuance(NamedTuple):
    """The origin of an access key: its session, and the caller that started the session.

    `issuer_role_id` is the unique id of the role that assumed the session's role (AROA...), or "" for another kind of
    caller. `parent` is the key from which this key of the same session was scoped down. `at` is in epoch seconds.
    `disputed` says that events claim different origins. A key has one origin, so one claim is forged.
    """

    account: str
    role_arn: str
    session: str
    access_key_id: str
    source_identity: str
    issuer_role_id: str
    parent: str
    at: int
    disputed: bool = False

    def differs(self, other: "KeyIssuance") -> bool:
        """Return whether `other` is a different origin. A copy of the same event is not different."""
        return self._replace(at=0) != other._replace(at=0) or abs(self.at - other.at) > DUPLICATE_EVENT_SECONDS


class SessionEvent(NamedTuple):
    """One event of a session, with the key that it issued, if any.

    `event_id` is the same in every copy of an event. `access_key_id` is the key that signed the call; for the start of
    a session, the session's key. `invoked_by` is the AWS service that called for the session, or "" if the session
    called.
    """

    event_id: str
    at: int
    account: str
    role_arn: str
    session: str
    access_key_id: str
    source_identity: str
    invoked_by: str
    issue: KeyIssuance | None


def session_event(event: Any, roles: Mapping[str, str]) -> SessionEvent | None:
    """Return the event of a session of `roles` (ARN to account); None for other events. Raises RejectedEvent."""
    if not isinstance(event, Mapping):
        raise RejectedEvent("not_an_event")
    _require_text(event)
    if event.get("eventType") == VPC_ENDPOINT_EVENT and not event.get("errorCode"):
        return None
    identity = _object(event, "userIdentity")
    if _assumes_role(event) and (role := _text(_object(event, "requestParameters"), "roleArn")) in roles:
        return _session_start(event, identity, role, roles[role])
    issuer = _object(_object(identity, "sessionContext"), "sessionIssuer")
    role = _text(issuer, "arn")
    return _session_call(event, identity, role, roles[role]) if role in roles else None


def _assumes_role(event: Mapping[str, Any]) -> bool:
    sts = event.get("eventSource") == STS and not event.get("errorCode")
    return sts and event.get("eventName") in ASSUME_ROLE_OPERATIONS


def _session_start(event: Mapping[str, Any], identity: Mapping[str, Any], role_arn: str, account: str) -> SessionEvent:
    parameters, answer = _object(event, "requestParameters"), _object(event, "responseElements")
    source_identity = _text(answer, "sourceIdentity") or _text(parameters, "sourceIdentity")
    issue = KeyIssuance(
        account=account,
        role_arn=role_arn,
        session=_like(_NAME, _text(parameters, "roleSessionName"), "session_name"),
        access_key_id=_key_in(answer),
        source_identity=_like(_IDENTITY, source_identity, "source_identity"),
        issuer_role_id=_text(identity, "principalId").partition(":")[0],
        parent="",
        at=_time(event),
    )
    return _event_of(event, issue, invoked_by="", issuance=issue)


def _session_call(event: Mapping[str, Any], identity: Mapping[str, Any], role_arn: str, account: str) -> SessionEvent:
    """Return a call of a session. An event names its session twice, and both names must agree."""
    if identity.get("type") != "AssumedRole" or _text(identity, "accountId") != account:
        raise RejectedEvent("not_of_this_account")
    session = _like(_NAME, _text(identity, "principalId").partition(":")[2], "session_name")
    if not _text(identity, "arn").endswith(f"::{account}:assumed-role/{role_arn.rpartition('/')[2]}/{session}"):
        raise RejectedEvent("session_name")
    key = _text(identity, "accessKeyId")
    source_identity = _text(_object(identity, "sessionContext"), "sourceIdentity")
    issue = KeyIssuance(
        account=account,
        role_arn=role_arn,
        session=session,
        access_key_id=_like(_KEY, key, "access_key_id") if key else "",
        source_identity=_like(_IDENTITY, source_identity, "source_identity"),
        issuer_role_id="",
        parent="",
        at=_time(event),
    )
    operation = (event.get("eventSource"), event.get("eventName"))
    scoped = operation == (STS, SCOPED_CREDENTIALS_OPERATION) and not event.get("errorCode")
    key_in_answer = _object(event, "responseElements")
    scoped_down = issue._replace(access_key_id=_key_in(key_in_answer), parent=key) if scoped else None
    return _event_of(event, issue, invoked_by=_invoked_by(event, identity), issuance=scoped_down)


def _invoked_by(event: Mapping[str, Any], identity: Mapping[str, Any]) -> str:
    """Return the AWS service that called for the session; "" for a call by the session, also in the console."""
    invoked_by = _text(identity, "invokedBy")[:128]
    in_console = invoked_by == CONSOLE or event.get("sessionCredentialFromConsole") == "true"
    return "" if in_console else invoked_by


def _event_of(
    event: Mapping[str, Any], of: KeyIssuance, *, invoked_by: str, issuance: KeyIssuance | None
) -> SessionEvent:
    session = (of.account, of.role_arn, of.session, of.access_key_id, of.source_identity)
    return SessionEvent(_event_id(event), of.at, *session, invoked_by, issuance)


def require_reporting_account(seen: SessionEvent, account: str | None, home: str, now: int) -> None:
    """Raise RejectedEvent unless the bus of `account` may report the event at `now` (epoch seconds).

    A session is reported by the account of its role. Its start may also be reported by `home`, because the broker's
    functions start sessions there. Without `account`, a backfill reports the event, which may report any session.
    """
    starts = seen.issue is not None and not seen.issue.parent
    if account not in (None, seen.account) and not (starts and account == home):
        raise RejectedEvent("reported_by_wrong_account")
    if seen.at > now + MAX_CLOCK_SKEW_SECONDS:
        raise RejectedEvent("event_time")


def source_and_name(event: Mapping[str, Any]) -> tuple[str, str]:
    """Return the source and the name of an event. Raises RejectedEvent."""
    source = _like(_SOURCE, _text(event, "eventSource"), "event_source")
    return source, _like(_OPERATION, _text(event, "eventName"), "event_name")


def _event_id(event: Mapping[str, Any]) -> str:
    """Return the id that all copies of an event share. Its `eventID` differs between two accounts."""
    return _like(_ID, _text(event, "sharedEventID") or _text(event, "eventID"), "event_id")


def _key_in(answer: Mapping[str, Any]) -> str:
    return _like(_KEY, _text(_object(answer, "credentials"), "accessKeyId"), "access_key_id")


def _time(event: Mapping[str, Any]) -> int:
    try:
        return epoch(_text(event, "eventTime"))
    except ValueError:
        raise RejectedEvent("event_time") from None


def _require_text(event: Mapping[str, Any]) -> None:
    """Raise RejectedEvent for content that JSON in UTF-8 cannot hold, and for deep nesting: it could not be stored."""
    try:
        text = _TEXT.encode(event)
        text.encode()
    except RecursionError:
        raise RejectedEvent("nested_too_deeply") from None
    except (TypeError, ValueError):
        raise RejectedEvent("not_text") from None
    # An event with few brackets is not deep. Most have few, and counting takes less time than walking.
    if text.count("{") + text.count("[") > DEEPEST and _is_deeper(event, DEEPEST):
        raise RejectedEvent("nested_too_deeply")


def _is_deeper(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most):
        level = [each for held in level for each in _members(held)]
        if not level:
            return False
    return True


def _members(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    return value if isinstance(value, Mapping) else {}


def _text(holder: Mapping[str, Any], name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _like(pattern: re.Pattern[str], text: str, code: str) -> str:
    if not pattern.fullmatch(text):
        raise RejectedEvent(code)
    return text
