"""Audit records: what happened, chained by hash, as flat as Athena likes its columns.

The records of one grant form a chain: each holds the hash of the one before, so that a record cannot be changed, left
out or moved without every later hash being wrong.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from jitney.core.access.grant import Grant, permissions_view
from jitney.core.access.request import AccessRequest, Permission
from jitney.core.config import Target
from jitney.core.identity.principal import Principal
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.masking.text import cannot_hold_secret
from jitney.core.policy.decision import Decision
from jitney.core.times import iso

VERSION = 1
GENESIS_HASH = "0" * 64
"""What the first record of a chain has in the place of its predecessor's hash."""
TAMPERED = "AuditRecordsTampered"
"""The metric that counts changes and deletions of records: the publisher's, watched by an alarm."""
BYPASSES = "Bypasses"
"""The metric that counts calls on target roles that no grant explains: the correlator's, watched by an alarm."""
REFUSED_EVENTS = "TrailEventsRefused"
"""The metric that counts what came as an event about a target's role and cannot be one."""
SEALED = "AuditRecordsSealed"
"""The metric that counts seals over records: an alarm misses them."""


class AuditEvent(StrEnum):
    """What a record tells of."""

    REQUEST = "request"
    PREVIEW = "preview"
    REFUSAL = "refusal"
    ISSUE = "issue"
    EXPIRY = "expiry"
    RELEASE = "release"
    REVOCATION = "revocation"
    CANARY = "canary"
    CUT_OFF = "cut_off"
    TARGET_CHECK = "target_check"
    REVIEW_CHECK = "review_check"
    VOTE = "vote"
    NOTICE = "notice"
    REVIEW = "review"
    OUT_OF_OFFICE = "out_of_office"
    BYPASS = "bypass"
    BREAK_GLASS = "break_glass"
    FOLLOW_UP = "follow_up"


class Outcome(StrEnum):
    """What came of it."""

    ALLOWED = "allowed"
    REVIEW = "review"
    DENIED = "denied"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"
    RELEASED = "released"
    REVOKED = "revoked"
    CUT_OFF = "cut_off"
    PASSED = "passed"
    APPROVED = "approved"
    REJECTED = "rejected"
    SENT = "sent"
    SET = "set"
    ENDED = "ended"
    UNEXPLAINED = "unexplained"
    CONFIRMED = "confirmed"
    OBJECTED = "objected"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from: the caller's address and API Gateway's id of the request."""

    source_ip: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One thing that happened. `time` in epoch seconds; empty strings and lists where a member does not apply.

    `outcome` of a request is the decision's: "allowed" is written before the credentials are asked of STS, so that none
    can exist without its record; a failed issue adds a record of its own. `count` is over 1 for aggregated refusals.
    """

    time: int
    event: AuditEvent
    outcome: Outcome
    code: str = ""
    grant_id: str = ""
    principal: str = ""
    issuer: str = ""
    subject: str = ""
    human: str = ""
    target: str = ""
    account: str = ""
    actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    duration_seconds: int = 0
    expires_at: str = ""
    reason: str = ""
    ticket: str = ""
    source_ip: str = ""
    request_id: str = ""
    policy_version: str = ""
    policies: tuple[str, ...] = ()
    count: int = 1
    detail: Mapping[str, Any] = field(default_factory=dict)


_MEMBERS = tuple(each.name for each in fields(AuditRecord))


@dataclass(frozen=True, slots=True)
class ChainedRecord:
    """A record in its place: `text` is what is stored and published, `hash` is what the next link will hold."""

    chain: str
    seq: int
    text: str
    hash: str


def chain_record(record: AuditRecord, chain: str, seq: int = 0, prev: str = GENESIS_HASH) -> ChainedRecord:
    """The record as number `seq` of `chain`, after the link whose hash is `prev`.

    The hash is SHA-256 over the canonical JSON (RFC 8785: sorted names, no white space, UTF-8) of everything else.
    What reaches a record should have been masked with its owner's tags; what was not, is masked here without any.
    """
    members = {name: getattr(record, name) for name in _MEMBERS} | {
        "version": VERSION,
        "chain": chain,
        "seq": seq,
        "prev": prev,
        "time": iso(record.time),
        **_words(record),
    }
    digest = hashlib.sha256(canonical(members).encode()).hexdigest()
    return ChainedRecord(chain, seq, canonical(members | {"hash": digest}), digest)


def _words(record: AuditRecord) -> dict[str, str]:
    """What in a record is text that somebody may have put a secret into."""
    words = {"reason": record.reason, "ticket": record.ticket, "detail": canonical(record.detail)}
    if cannot_hold_secret("\0".join(words.values())):
        return words
    masked = UNTAGGED.data({**words, "detail": record.detail})
    return {**masked, "detail": canonical(masked["detail"])}


def sort_key(seq: int) -> str:
    """The number of a link as the audit table sorts by it."""
    return f"{seq:06d}"


def next_chained_record(record: AuditRecord, grant: Grant) -> ChainedRecord:
    """The record as the next of `grant`'s chain."""
    return chain_record(record, grant.id, grant.records, grant.head or GENESIS_HASH)


def with_chain_head(grant: Grant, newest: ChainedRecord) -> Grant:
    """The grant once `newest` is the last record of its chain."""
    return replace(grant, records=newest.seq + 1, head=newest.hash)


def canonical(value: Any) -> str:
    """JSON with one spelling for each value (RFC 8785; names are ASCII and numbers are integers here)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def request_members(asked: AccessRequest, target: Target, decision: Decision) -> dict[str, Any]:
    """The members of a record that say what was asked, at which risks, and by which action table that was decided."""
    detail = {"permissions": permissions_view(asked.permissions)} | calls_detail(asked) | decision_detail(decision)
    return {
        "target": target.alias,
        "account": target.account,
        **_named(asked.permissions),
        "duration_seconds": asked.duration_seconds,
        "reason": asked.reason,
        "ticket": asked.ticket,
        "detail": detail,
    }


def calls_detail(asked: AccessRequest) -> dict[str, Any]:
    """The calls that were asked with, as `Explained.call` shows them; {} for a request without calls."""
    calls = tuple(dict.fromkeys(each.call for each in asked.explanation))
    return {"calls": calls} if calls else {}


def decision_detail(decision: Decision) -> dict[str, Any]:
    """The action table that a decision was made with, and the risks of the request in words, if it has any."""
    risks = tuple(f"{each.name}: {each.sentence}" for each in decision.risks)
    return {"action_table": decision.action_table} | ({"risks": risks} if risks else {})


def _named(permissions: tuple[Permission, ...]) -> dict[str, Any]:
    """Every action and every resource; which goes with which stands in `detail`."""
    return {
        "actions": tuple(sorted({name for each in permissions for name in each.actions})),
        "resources": tuple(sorted({arn for each in permissions for arn in each.resources})),
    }


def principal_record(
    event: AuditEvent, outcome: Outcome, principal: Principal, origin: Origin, now: int, **more: Any
) -> AuditRecord:
    """A record about what `principal` did, from where and when; `more` are further members of `AuditRecord`."""
    return AuditRecord(
        time=now,
        event=event,
        outcome=outcome,
        principal=principal.source_identity,
        issuer=principal.issuer,
        subject=principal.subject,
        human=principal.human or "",
        source_ip=origin.source_ip,
        request_id=origin.request_id,
        **more,
    )


def grant_record(
    event: AuditEvent, outcome: Outcome, grant: Grant, origin: Origin, now: int, **more: Any
) -> AuditRecord:
    """A record about what happened to `grant`; `more` are further members of `AuditRecord`."""
    return AuditRecord(
        time=now,
        event=event,
        outcome=outcome,
        grant_id=grant.id,
        principal=grant.principal,
        issuer=grant.issuer,
        subject=grant.subject,
        human=grant.human or "",
        target=grant.target,
        account=grant.account,
        **_named(grant.permissions),
        duration_seconds=grant.duration_seconds,
        expires_at=iso(grant.expires_at),
        reason=grant.reason,
        ticket=grant.ticket,
        source_ip=origin.source_ip,
        request_id=origin.request_id,
        **{"policy_version": grant.policy_version, **more},
    )
