"""Reading a CloudTrail event: about which session of which target's role it is, if of any.

What is written in an event is AWS's, but names, parameters and messages in it are whoever called's: all that is used as
a name here has its form checked, and what has not is refused and counted, never guessed.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from jitney.core.times import epoch

ASSUME_ROLE_OPERATIONS = frozenset({"AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"})
"""The operations by which a session of a role begins."""
SCOPED_CREDENTIALS_OPERATION = "GetScopedCredentials"
STS = "sts.amazonaws.com"

_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_IDENTITY = re.compile(r"[\w+=,.@-]{0,256}", re.ASCII)
_ID = re.compile(r"[\w:.-]{1,128}", re.ASCII)
_KEY = re.compile(r"[A-Z0-9]{16,128}", re.ASCII)
_SOURCE = re.compile(r"[a-z0-9.-]{1,64}\.amazonaws\.com", re.ASCII)
_OPERATION = re.compile(r"\w{1,128}", re.ASCII)


AWS_SOURCE_PREFIX = "aws."
"""How the source of what AWS's services send to a bus begins; what others put there, PutEvents refuses that for.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html"""
MAX_CLOCK_SKEW_SECONDS = 300
"""How far the clocks may be apart of what notes an event and of what reads it."""

DUPLICATE_EVENT_SECONDS = 60
"""How far the times may be apart of what two accounts are told of one event."""


class RejectedEvent(Exception):
    """An event about a target's role, or one whose subject cannot be told, that is not as AWS writes them."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class KeyIssuance(NamedTuple):
    """That an access key came into being: of which session, and by whom.

    `by` is the unique id of the role that took the session (AROA...), "" for another kind of caller; or `parent` is the
    key of the same session that this one was scoped down from. `at` in epoch seconds. `disputed` is that events tell
    of another beginning of the key, too: a key has one, so that one of them is made up.
    """

    account: str
    role_arn: str
    session: str
    access_key_id: str
    source_identity: str
    by: str
    parent: str
    at: int
    disputed: bool = False

    def differs(self, other: "KeyIssuance") -> bool:
        """Whether `other` is another beginning, and no copy of the same event."""
        return self._replace(at=0) != other._replace(at=0) or abs(self.at - other.at) > DUPLICATE_EVENT_SECONDS


class SessionEvent(NamedTuple):
    """One event of a session: which, when, and the key that it began with, if it is about that.

    `event_id` is the same in every copy of an event. `access_key_id` is what the call was signed with; of the event by
    which a session begins, what it began with. `via` is the service that called for the session, "" for itself.
    """

    event_id: str
    at: int
    account: str
    role_arn: str
    session: str
    access_key_id: str
    source_identity: str
    via: str
    issue: KeyIssuance | None


def session_event(event: Any, roles: Mapping[str, str]) -> SessionEvent | None:
    """Which session of `roles` (ARN to account) an event is about; None when it is about none. Raises Refused."""
    if not isinstance(event, Mapping):
        raise RejectedEvent("not_an_event")
    _require_text(event)
    identity = _object(event, "userIdentity")
    if _takes_a_role(event) and (role := _text(_object(event, "requestParameters"), "roleArn")) in roles:
        return _session_start(event, identity, role, roles[role])
    issuer = _object(_object(identity, "sessionContext"), "sessionIssuer")
    role = _text(issuer, "arn")
    return _session_call(event, identity, role, roles[role]) if role in roles else None


def _takes_a_role(event: Mapping[str, Any]) -> bool:
    named = (event.get("eventSource"), event.get("eventName"))
    return named[0] == STS and named[1] in ASSUME_ROLE_OPERATIONS and not event.get("errorCode")


def _session_start(event: Mapping[str, Any], identity: Mapping[str, Any], role_arn: str, account: str) -> SessionEvent:
    asked, answer = _object(event, "requestParameters"), _object(event, "responseElements")
    source_identity = _text(answer, "sourceIdentity") or _text(asked, "sourceIdentity")
    issue = KeyIssuance(
        account=account,
        role_arn=role_arn,
        session=_like(_NAME, _text(asked, "roleSessionName"), "session_name"),
        access_key_id=_key_in(answer),
        source_identity=_like(_IDENTITY, source_identity, "source_identity"),
        by=_text(identity, "principalId").partition(":")[0],
        parent="",
        at=_time(event),
    )
    return SessionEvent(
        _event_id(event),
        issue.at,
        account,
        role_arn,
        issue.session,
        issue.access_key_id,
        issue.source_identity,
        "",
        issue,
    )


def _session_call(event: Mapping[str, Any], identity: Mapping[str, Any], role_arn: str, account: str) -> SessionEvent:
    """What a session did. Its name stands twice in the event, which must agree."""
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
        by="",
        parent="",
        at=_time(event),
    )
    scoped = (event.get("eventSource"), event.get("eventName")) == (
        STS,
        SCOPED_CREDENTIALS_OPERATION,
    ) and not event.get("errorCode")
    return SessionEvent(
        event_id=_event_id(event),
        at=issue.at,
        account=account,
        role_arn=role_arn,
        session=session,
        access_key_id=issue.access_key_id,
        source_identity=issue.source_identity,
        via=_text(identity, "invokedBy")[:128],
        issue=issue._replace(access_key_id=_key_in(_object(event, "responseElements")), parent=key) if scoped else None,
    )


def require_reporting_account(seen: SessionEvent, account: str, home: str, now: int) -> None:
    """Raise Refused unless `account`'s bus may tell of this at `now` (epoch seconds).

    Of sessions the role's own account tells; of their beginnings `home` too, where the broker's functions ask for them.
    """
    begins = seen.issue is not None and not seen.issue.parent
    if account != seen.account and not (begins and account == home):
        raise RejectedEvent("reported_by_wrong_account")
    if seen.at > now + MAX_CLOCK_SKEW_SECONDS:
        raise RejectedEvent("event_time")


def source_and_name(event: Mapping[str, Any]) -> tuple[str, str]:
    """The source and the name of an event. Raises Refused."""
    source = _like(_SOURCE, _text(event, "eventSource"), "event_source")
    return source, _like(_OPERATION, _text(event, "eventName"), "event_name")


def _event_id(event: Mapping[str, Any]) -> str:
    """The same id for every copy: an event that two accounts get has an id of its own in each, and one in common."""
    return _like(_ID, _text(event, "sharedEventID") or _text(event, "eventID"), "event_id")


def _key_in(answer: Mapping[str, Any]) -> str:
    return _like(_KEY, _text(_object(answer, "credentials"), "accessKeyId"), "access_key_id")


def _time(event: Mapping[str, Any]) -> int:
    try:
        return epoch(_text(event, "eventTime"))
    except ValueError:
        raise RejectedEvent("event_time") from None


def _require_text(event: Mapping[str, Any]) -> None:
    """Raise Refused for what has no form in JSON and UTF-8: it could not be stored either."""
    try:
        json.dumps(event, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        raise RejectedEvent("not_text") from None


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
