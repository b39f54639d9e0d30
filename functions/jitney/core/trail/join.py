"""Joining calls to grants: by account, role, session name and access key id, each of them exactly (row AUD 3).

What a call comes to depends on nothing but the call, the grant that its session is named for, and how its key came into
being; not on the order in which these were learned. What is about the grant is looked at first, because a grant is on
record before a session of it begins (STS 6); then the key, of which STS's own event tells, and which may come later.
"""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from jitney.core.access.credentials import CANARY_PREFIX
from jitney.core.access.grant import GRANT_RETENTION_SECONDS, Grant
from jitney.core.access.target_check import SESSION_PREFIX
from jitney.core.trail.call import CloudTrailCall
from jitney.core.trail.event import KeyIssuance

MAX_EVENT_DELAY_SECONDS = 1800
"""How long the event of a key's beginning may be behind that of a call with it. CloudTrail promises no time; 5 minutes
are its average: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html"""
GRACE_SECONDS = 60
"""A call is noted when it is over, and AWS's clocks and IAM's copies of a deny document are not all at one."""
KEY_NOT_ISSUED = ("key_not_issued",)
"""Why a call is a bypass for now: what its key's beginning says, if that is learned yet, holds instead."""
KEY_ISSUED_TWICE = ("key_issued_twice",)
"""Why all calls with a key are bypasses of which two beginnings are told, also those that were explained before."""
MOST_PARENTS = 4
"""A session is scoped down three times at most (STS API Reference, GetScopedCredentials)."""


class Purpose(StrEnum):
    """What a session of a target's role is for."""

    GRANT = "grant"
    CANARY = "canary"
    CHECK = "check"


_ID = "[a-z2-7]{14}"
_SESSIONS: Mapping[Purpose, re.Pattern[str]] = {
    Purpose.GRANT: re.compile(f"g-({_ID})"),
    Purpose.CANARY: re.compile(f"{CANARY_PREFIX}({_ID})"),
    Purpose.CHECK: re.compile(f"{SESSION_PREFIX}({_ID})"),
}
PURPOSE_BY_FUNCTION: Mapping[str, Purpose] = {
    "grants": Purpose.GRANT,
    "credentials": Purpose.GRANT,
    "releases": Purpose.CANARY,
    "revocations": Purpose.CANARY,
    "target_checks": Purpose.CHECK,
}
"""What each function that may take a target's role takes it for."""
NEVER_DENIED = frozenset({("sts", "GetCallerIdentity")})
"""These work whatever policies say: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""


class ParsedSessionName(NamedTuple):
    """What a session's name says that it is: `grant_id` is "" for a check, which is of no grant."""

    purpose: Purpose
    grant_id: str


class CallVerdict(NamedTuple):
    """What a call comes to: explained by what it is for, or a bypass for `reasons`."""

    purpose: Purpose | None
    grant_id: str
    reasons: tuple[str, ...]

    @property
    def explained(self) -> bool:
        """Whether it is no bypass."""
        return not self.reasons


def parse_session_name(session: str) -> ParsedSessionName | None:
    """What a session name says; None for one that the broker gives to nothing."""
    for purpose, pattern in _SESSIONS.items():
        if found := pattern.fullmatch(session):
            return ParsedSessionName(purpose, "" if purpose is Purpose.CHECK else f"g-{found[1]}")
    return None


def grant_may_be_deleted(session: str, at: int, now: int) -> bool:
    """Whether a session that was used at `at` is named for a grant that may have been forgotten since (adapters)."""
    name = parse_session_name(session)
    return bool(name and name.grant_id) and at < now - GRANT_RETENTION_SECONDS


def classify_call(
    call: CloudTrailCall, grant: Grant | None, issue: KeyIssuance | None, issuers: Mapping[str, str], *, waited: int
) -> CallVerdict | None:
    """What a call comes to; None while its key's beginning is still to be learned.

    `grant` is the one that `name_of` says; `issue` the beginning of the key's session, by STS's own event. `issuers`
    has the function whose role has a unique id. `waited` is for how long the call has been known, in seconds.
    """
    name = parse_session_name(call.session)
    if name is None:
        return CallVerdict(None, "", ("unknown_session_name",))
    grant_id = grant.id if grant else ""
    if reasons := tuple(_against_grant(call, name, grant)):
        return CallVerdict(name.purpose, grant_id, reasons)
    if issue is None and not call.via:
        if call.access_key_id and waited < MAX_EVENT_DELAY_SECONDS:
            return None
        return CallVerdict(name.purpose, grant_id, KEY_NOT_ISSUED)
    if issue and issue.disputed:
        return CallVerdict(name.purpose, grant_id, KEY_ISSUED_TWICE)
    return CallVerdict(name.purpose, grant_id, tuple(_against_key(call, name, issue, grant, issuers)) if issue else ())


def _against_grant(call: CloudTrailCall, name: ParsedSessionName, grant: Grant | None) -> Iterator[str]:
    if name.purpose is Purpose.CHECK:
        if not call.source_identity:
            yield "wrong_source_identity"
        return
    if grant is None:
        yield "unknown_grant"
        return
    if (grant.account, grant.role_arn) != (call.account, call.role_arn):
        yield "role_of_another_grant"
    if grant.principal != call.source_identity:
        yield "wrong_source_identity"
    if grant.starts_at is None or call.time < grant.starts_at - GRACE_SECONDS:
        yield "before_the_start"
    if name.purpose is Purpose.GRANT and call.time > _end(grant) + GRACE_SECONDS and _shows_access(call):
        yield "after_the_end"


def _end(grant: Grant) -> int:
    return min(grant.expires_at, grant.ending.at) if grant.ending else grant.expires_at


def _shows_access(call: CloudTrailCall) -> bool:
    """Whether it is a call that should have been denied, and was not."""
    return not call.error_code and (call.service, call.operation) not in NEVER_DENIED


def _against_key(
    call: CloudTrailCall, name: ParsedSessionName, issue: KeyIssuance, grant: Grant | None, issuers: Mapping[str, str]
) -> Iterator[str]:
    if (issue.account, issue.role_arn, issue.session) != (call.account, call.role_arn, call.session):
        yield "key_of_another_session"
    if PURPOSE_BY_FUNCTION.get(issuers.get(issue.by, "")) is not name.purpose:
        yield "not_issued_by_jitney"
    cut = grant.cut_off_at if grant and name.purpose is Purpose.GRANT else None
    if cut is not None and issue.at <= cut < call.time - GRACE_SECONDS and _shows_access(call):
        yield "after_the_cut_off"
