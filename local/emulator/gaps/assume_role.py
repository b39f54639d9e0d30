"""Parses the AssumeRole call of the present request, once for all gaps that read it."""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True, slots=True)
class AssumeRoleCall:
    """The members of sts:AssumeRole that ministack ignores. A member that the caller left out is None."""

    role_arn: str
    session_name: str
    duration_seconds: str | None
    external_id: str | None
    source_identity: str | None
    tags: tuple[tuple[str, str], ...]
    transitive_tag_keys: tuple[str, ...]


current: ContextVar[AssumeRoleCall | None] = ContextVar("assume_role", default=None)


def parse(headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]) -> AssumeRoleCall | None:
    """Return the call in a request of either STS protocol; None for other actions."""
    if headers.get("x-amz-target", "").endswith(".AssumeRole"):
        return _from_json(json.loads(body or b"{}"))
    form = {**query, **parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)}
    values = {name: value[0] if isinstance(value, list) else str(value) for name, value in form.items()}
    return _from_form(values) if values.get("Action") == "AssumeRole" else None


def _from_json(members: Mapping[str, Any]) -> AssumeRoleCall:
    seconds = members.get("DurationSeconds")
    return AssumeRoleCall(
        role_arn=str(members.get("RoleArn", "")),
        session_name=str(members.get("RoleSessionName", "")),
        duration_seconds=None if seconds is None else str(seconds),
        external_id=members.get("ExternalId"),
        source_identity=members.get("SourceIdentity"),
        tags=tuple((str(tag.get("Key")), str(tag.get("Value", ""))) for tag in members.get("Tags", [])),
        transitive_tag_keys=tuple(members.get("TransitiveTagKeys", [])),
    )


def _from_form(values: Mapping[str, str]) -> AssumeRoleCall:
    tags = _members(values, "Tags.member.{}.Key")
    return AssumeRoleCall(
        role_arn=values.get("RoleArn", ""),
        session_name=values.get("RoleSessionName", ""),
        duration_seconds=values.get("DurationSeconds"),
        external_id=values.get("ExternalId"),
        source_identity=values.get("SourceIdentity"),
        tags=tuple((key, values.get(f"Tags.member.{place}.Value", "")) for place, key in enumerate(tags, 1)),
        transitive_tag_keys=_members(values, "TransitiveTagKeys.member.{}"),
    )


def _members(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    found: list[str] = []
    while (key := name.format(len(found) + 1)) in values:
        found.append(values[key])
    return tuple(found)
