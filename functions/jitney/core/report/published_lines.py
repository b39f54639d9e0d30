"""Reads published records and calls, from Athena's cells or from the JSON lines in S3.

A line may be edited, truncated or of a later version. No line raises an error. A member of the wrong type counts as
empty. A line without its key gives None, which `jitney.core.report.builder` counts as unreadable.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from jitney.core.access.conditions import Conditions, conditions_of
from jitney.core.access.request import Permission, permissions_view
from jitney.core.identity.principal import IdentityFact
from jitney.core.identity.requester import Requester
from jitney.core.json_object import json_object
from jitney.core.records.record_texts import canonical

Line: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PublishedRecord:
    """A published record. Times are epoch seconds, 0 if unreadable. `detail` is JSON."""

    chain: str
    seq: int
    hash: str
    prev: str
    time: int
    event: str
    outcome: str
    code: str
    grant_id: str
    principal: str
    issuer: str
    subject: str
    unit: str
    human: str
    target: str
    account: str
    duration_seconds: int
    expires_at: int
    reason: str
    ticket: str
    source_ip: str
    policy_version: str
    policies: tuple[str, ...]
    configuration: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    count: int
    detail: str

    @property
    def detail_members(self) -> Mapping[str, Any]:
        """The members of `detail`; {} if it is not JSON."""
        return json_object(self.detail)

    def word(self, name: str) -> str:
        """Return a text member of `detail`; "" if it has none."""
        return _text(self.detail_members.get(name))

    def words(self, name: str) -> tuple[str, ...]:
        """Return the texts in a list of `detail`; () if it has none."""
        return texts(self.detail_members.get(name))

    def objects(self, name: str) -> list[Mapping[str, Any]]:
        """Return the objects in a list of `detail`; [] if it has none."""
        return objects(self.detail_members.get(name))

    def members_of(self, name: str) -> Mapping[str, Any]:
        """Return the members of an object in `detail`; {} if it has none."""
        return _object(self.detail_members.get(name))

    def time_of(self, name: str) -> int:
        """Return a time in `detail`; 0 if it has none."""
        return moment(self.detail_members.get(name))

    @property
    def requester(self) -> Requester:
        """The requester, from the record of a request. Other records have only the names that every record has."""
        about = self.members_of("requester")
        return Requester(
            name=_text(about.get("name")) or self.principal,
            facts=tuple(
                IdentityFact(_text(each.get("label")), _text(each.get("value"))) for each in objects(about.get("facts"))
            ),
            subject=self.subject,
            issuer=self.issuer,
            unit=self.unit,
            principal=self.principal,
            human=self.human,
            human_name=_text(about.get("human_name")) or self.human,
            owners=texts(about.get("owners")),
        )

    @property
    def permissions(self) -> tuple[Permission, ...]:
        """The permissions in `detail`. The record's own lists do not say which action is on which resource."""
        return tuple(each for each in written_permissions(self.detail_members) if each.actions and each.resources)

    @property
    def has_damaged_permissions(self) -> bool:
        """Whether a part of the permissions in `detail` could not be read."""
        return are_damaged(self.detail_members)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCall:
    """A published call with its verdict. Times are epoch seconds, 0 if unreadable.

    `requested_role` is the ARN of the role that an STS call requested, or "". `call_id` is the call through the gateway
    that the event belongs to, or "".
    """

    event_id: str
    time: int
    region: str
    role_arn: str = ""
    service: str
    operation: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    error_code: str
    created: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    verdict: str
    purpose: str
    call_id: str
    reasons: tuple[str, ...] = ()
    requested_role: str = ""

    @property
    def name(self) -> str:
        """Service and operation: "s3:GetObject"."""
        return f"{self.service}:{self.operation}"

    @property
    def explained(self) -> bool:
        """Whether the grant explains the call."""
        return self.verdict == "explained"

    @property
    def beyond_grant(self) -> bool:
        """Whether the grant's session made the call outside of what was granted."""
        return self.verdict == "beyond_grant"


def written_permissions(detail: Mapping[str, Any]) -> tuple[Permission, ...]:
    """Return the permissions in a record's `detail`, as far as they are readable.

    A permission with unreadable conditions is left out, because without them it would be wider.
    """
    return tuple(
        Permission(texts(each.get("actions")), texts(each.get("resources")), conditions)
        for each in objects(detail.get("permissions"))
        if (conditions := _conditions(each.get("conditions"))) is not None
    )


def are_damaged(detail: Mapping[str, Any]) -> bool:
    """Return whether a record's `detail` lists permissions that `written_permissions` does not return as they are."""
    listed = detail.get("permissions")
    return bool(listed) and permissions_view(written_permissions(detail)) != listed


def parse_record(line: Line) -> PublishedRecord | None:
    """Return the record in a line; None if it has no chain or number."""
    seq = line.get("seq")
    if not _text(line.get("chain")) or not _is_number(seq):
        return None
    detail = line.get("detail")
    members: dict[str, Any] = {name: _text(line.get(name)) for name in _RECORD_TEXTS}
    members |= {name: texts(line.get(name)) for name in ("policies", "actions", "resources")}
    return PublishedRecord(
        **members,
        seq=_number(seq),
        time=moment(line.get("time")),
        duration_seconds=_number(line.get("duration_seconds")),
        expires_at=moment(line.get("expires_at")),
        count=_number(line.get("count")) or 1,
        detail=detail if isinstance(detail, str) else canonical(detail or {}),
    )


def parse_call(line: Line) -> PublishedCall | None:
    """Return the call in a line; None if it has no event id."""
    if not _text(line.get("event_id")):
        return None
    members: dict[str, Any] = {name: _text(line.get(name)) for name in _CALL_TEXTS}
    members |= {name: texts(line.get(name)) for name in ("actions", "resources", "created", "deleted", "reasons")}
    return PublishedCall(
        **members,
        time=moment(line.get("time")),
        requested_role=_text(json_object(_text(line.get("request"))).get("roleArn"))
        if members["service"] == "sts"
        else "",
    )


_RECORD_TEXTS = (
    "chain", "hash", "prev", "event", "outcome", "code", "grant_id", "principal", "issuer", "subject", "unit",
    "human", "target", "account", "reason", "ticket", "source_ip", "policy_version",
    "configuration",
)  # fmt: skip
_CALL_TEXTS = (
    "event_id", "region", "role_arn", "service", "operation", "error_code", "verdict", "purpose", "call_id",
)  # fmt: skip


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def texts(value: Any) -> tuple[str, ...]:
    """Return the texts of a list. In Athena's cells the list is JSON text."""
    if isinstance(value, str):
        try:
            value = json.loads(value) if value else []
        except (ValueError, RecursionError):
            return ()
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list | tuple) else ()


def objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects in a list; [] for any other value."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _conditions(value: Any) -> Conditions | None:
    """Return the conditions of a permission; None if they are unreadable, or if no grant can have them."""
    if value is None:
        return ()
    try:
        return conditions_of({key: texts(each) for key, each in value.items()}) if isinstance(value, dict) else None
    except ValueError:
        return None


def _is_number(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and _digits(value))


def _number(value: Any) -> int:
    return int(value) if _is_number(value) else 0


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16


def moment(value: Any) -> int:
    """Return the epoch seconds of a time in a record; 0 if it is unreadable."""
    try:
        return int(datetime.strptime(_text(value), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return 0
