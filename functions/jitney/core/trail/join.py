"""Joins calls to grants by account, role, session name and access key id. All four must match (row AUD 3).

The verdict depends only on the call, on the grant that the session names, and on the origin of the key. The order in
which these arrive does not matter. The grant is checked first, because it is on record before its session starts (STS
6). The key is checked second, because STS's event about it may arrive later.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from jitney.core.access.credentials import CALL_ID, CALL_SECONDS, CANARY_PREFIX, READS_PREFIX, TRIAL_PREFIX
from jitney.core.access.grant import GRANT_RETENTION_SECONDS, Grant
from jitney.core.access.request import Way
from jitney.core.access.target_check import SESSION_PREFIX
from jitney.core.trail.call import CloudTrailCall
from jitney.core.trail.event import ASSUME_ROLE_OPERATIONS, KeyIssuance

MAX_EVENT_DELAY_SECONDS = 1800
"""How much later than a call the event about its key's origin may arrive.

CloudTrail guarantees no time; the average is 5 minutes:
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
"""
GRACE_SECONDS = 60
"""The tolerance for a call's time.

CloudTrail's time is the end of a call, and clocks and IAM's replicas differ a little.
"""
KEY_NOT_ISSUED = ("key_not_issued",)
"""A provisional bypass. It is replaced when an event about the key's origin arrives."""
UNRECORDED = ("unrecorded",)
"""Not a bypass: the gateway made the session, but no record names the call."""
KEY_ISSUED_TWICE = ("key_issued_twice",)
"""A bypass: the origin of the key is disputed.

It applies to all calls with the key, even if they were explained before.
"""
BEYOND_GRANT = frozenset({"action_not_granted", "resource_not_granted", "resource_policy_possible"})
"""Not a bypass: the grant's session made the call, but the call succeeded outside of what was granted."""
MOST_SESSION_KEYS = 4
"""The limit of keys of a session. STS allows scoping down three times (STS API Reference, GetScopedCredentials)."""


class Purpose(StrEnum):
    """The purpose of a session of a target's role."""

    GRANT = "grant"
    CANARY = "canary"
    CHECK = "check"
    TRIAL = "trial"
    READS = "reads"
    CALL = "call"


AGENTS_PURPOSES = frozenset({Purpose.GRANT, Purpose.READS, Purpose.CALL})
"""The purposes of sessions that make the agent's calls, with the agent's keys or through the gateway."""

_ID = "[a-z2-7]{14}"
_SESSIONS: Mapping[Purpose, re.Pattern[str]] = {
    Purpose.GRANT: re.compile(f"g-({_ID})"),
    Purpose.CANARY: re.compile(f"{CANARY_PREFIX}({_ID})"),
    Purpose.CHECK: re.compile(f"{SESSION_PREFIX}({_ID})"),
    Purpose.TRIAL: re.compile(f"{TRIAL_PREFIX}({_ID})"),
    Purpose.READS: re.compile(f"{READS_PREFIX}({_ID})"),
    Purpose.CALL: re.compile(f"(?P<call>{CALL_ID.pattern})-g-({_ID})"),
}
PURPOSES_BY_FUNCTION: Mapping[str, frozenset[Purpose]] = {
    "grants": frozenset({Purpose.GRANT, Purpose.TRIAL}),
    "credentials": frozenset({Purpose.GRANT}),
    "denial_measurements": frozenset({Purpose.CANARY}),
    "target_checks": frozenset({Purpose.CHECK}),
    "gateway_calls": frozenset({Purpose.READS, Purpose.CALL, Purpose.TRIAL}),
}
"""The purposes for which each function assumes a target's role."""
NEVER_DENIED = frozenset({("sts", "GetCallerIdentity")})
"""Calls that no policy can deny: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""


class ParsedSessionName(NamedTuple):
    """The parsed name of a session. `grant_id` is "" for a target check, which has no grant.

    `call_id` is the call through the gateway that the session is for, or "".
    """

    purpose: Purpose
    grant_id: str
    call_id: str = ""


class CallVerdict(NamedTuple):
    """The verdict on a call: explained if there are no `reasons`. Otherwise `verdict_word` names it.

    For a session of the gateway, `call_id` is the call whose record explains the event, and `match` says how
    (`core.trail.call_join.RecordMatch`).
    """

    purpose: Purpose | None
    grant_id: str
    reasons: tuple[str, ...]
    call_id: str = ""
    match: str = ""

    @property
    def explained(self) -> bool:
        """Whether a grant and, in a session of the gateway, a record explain the call."""
        return not self.reasons


def verdict_word(reasons: Sequence[str]) -> str:
    """Return the verdict in one word: explained, beyond_grant, unrecorded or bypass."""
    if not reasons:
        return "explained"
    if BEYOND_GRANT.issuperset(reasons):
        return "beyond_grant"
    return "unrecorded" if tuple(reasons) == UNRECORDED else "bypass"


def verdict_precedence(reasons: Sequence[str]) -> int:
    """Return the precedence of a verdict among those on the same event. The view unique_calls has the same order."""
    if tuple(reasons) == KEY_NOT_ISSUED:
        return 0
    return {"explained": 1, "bypass": 3}.get(verdict_word(reasons), 2)


@lru_cache(maxsize=1024)  # each event needs it several times, and sessions make many calls
def parse_session_name(session: str) -> ParsedSessionName | None:
    """Return the purpose in a session's name; None for a name that the broker does not use."""
    for purpose, pattern in _SESSIONS.items():
        if found := pattern.fullmatch(session):
            grant_id = "" if purpose is Purpose.CHECK else f"g-{found[found.re.groups]}"
            return ParsedSessionName(purpose, grant_id, found.groupdict().get("call", ""))
    return None


def grant_may_be_deleted(session: str, at: int, now: int) -> bool:
    """Return whether the store may have deleted the grant of a session that was used at `at`."""
    name = parse_session_name(session)
    return bool(name and name.grant_id) and at < now - GRANT_RETENTION_SECONDS


def classify_call(
    call: CloudTrailCall, grant: Grant | None, issue: KeyIssuance | None, issuers: Mapping[str, str], *, waited: int
) -> CallVerdict | None:
    """Return the verdict on a call; None while the origin of its key may still become known.

    `grant` is the grant in the session's name. `issue` is the origin of the session's key, from STS's event. `issuers`
    maps a role's unique id to its function. `waited` is the number of seconds since the call became known.
    """
    name = parse_session_name(call.session)
    if name is None:
        return CallVerdict(None, "", ("unknown_session_name",))
    grant_id = grant.id if grant else ""
    if reasons := tuple(_grant_mismatches(call, name, grant)):
        return CallVerdict(name.purpose, grant_id, reasons)
    if issue is None and not call.invoked_by:
        if call.access_key_id and waited < MAX_EVENT_DELAY_SECONDS:
            return None
        return CallVerdict(name.purpose, grant_id, KEY_NOT_ISSUED)
    if issue and issue.disputed:
        return CallVerdict(name.purpose, grant_id, KEY_ISSUED_TWICE)
    mismatches = tuple(_key_mismatches(call, name, issue, grant, issuers)) if issue else ()
    return CallVerdict(name.purpose, grant_id, mismatches)


def _grant_mismatches(call: CloudTrailCall, name: ParsedSessionName, grant: Grant | None) -> Iterator[str]:
    if name.purpose is Purpose.CHECK:
        if not call.source_identity:
            yield "wrong_source_identity"
        return
    if name.purpose is Purpose.TRIAL:
        yield from _trial_mismatches(call, grant)
        return
    if grant is None:
        yield "unknown_grant"
        return
    if (grant.account, grant.role_arn) != (call.account, call.role_arn):
        yield "role_of_another_grant"
    if grant.principal != call.source_identity:
        yield "wrong_source_identity"
    if name.purpose in AGENTS_PURPOSES and (name.purpose is Purpose.GRANT) is not (grant.way is Way.CREDENTIALS):
        yield "other_way"
    if grant.starts_at is None or call.time < grant.starts_at - GRACE_SECONDS:
        yield "before_the_start"
    if name.purpose in AGENTS_PURPOSES and call.time > _end(grant) + GRACE_SECONDS and _shows_access(call):
        yield "after_the_end"


def _trial_mismatches(call: CloudTrailCall, grant: Grant | None) -> Iterator[str]:
    """Yield why a trial of a policy's size does not explain a call.

    The trial happens before the record of its grant, and a request that joins another one never gets a grant. The
    trial's session is denied everything, and its credentials are dropped. So any call that AWS allowed in it is a
    bypass.
    """
    if grant and (grant.account, grant.role_arn) != (call.account, call.role_arn):
        yield "role_of_another_grant"
    if not call.source_identity or (grant and grant.principal != call.source_identity):
        yield "wrong_source_identity"
    if not starts_session(call) and _shows_access(call):
        yield "trial_session_used"


def starts_session(call: CloudTrailCall) -> bool:
    """Return whether the event is the start of a session of its role, not a call in that session."""
    if call.service != "sts" or call.operation not in ASSUME_ROLE_OPERATIONS:
        return False
    parameters = json.loads(call.request or "null")
    return isinstance(parameters, dict) and parameters.get("roleArn") == call.role_arn


def _end(grant: Grant) -> int:
    return min(grant.expires_at, grant.ending.at) if grant.ending else grant.expires_at


def _shows_access(call: CloudTrailCall) -> bool:
    """Return whether AWS allowed a call that policies can deny."""
    return not call.error_code and (call.service, call.operation) not in NEVER_DENIED


def _key_mismatches(
    call: CloudTrailCall, name: ParsedSessionName, issue: KeyIssuance, grant: Grant | None, issuers: Mapping[str, str]
) -> Iterator[str]:
    if (issue.account, issue.role_arn, issue.session) != (call.account, call.role_arn, call.session):
        yield "key_of_another_session"
    if name.purpose not in PURPOSES_BY_FUNCTION.get(issuers.get(issue.issuer_role_id, ""), ()):
        yield "not_issued_by_jitney"
    cut = grant.cut_off_at if grant and name.purpose in AGENTS_PURPOSES else None
    if cut is not None and issue.at <= cut < call.time - GRACE_SECONDS and _shows_access(call):
        yield "after_the_cut_off"
    if name.purpose is Purpose.CALL and call.time > issue.at + CALL_SECONDS + GRACE_SECONDS and _shows_access(call):
        yield "after_the_call"
