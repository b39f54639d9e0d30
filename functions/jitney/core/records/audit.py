"""Audit records: what happened, chained by hash, in flat JSON for Athena.

The records of one grant form a chain. Each record holds the hash of its predecessor. So changing, removing or
reordering a record breaks all later hashes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from jitney.core.access.decision import Decision
from jitney.core.access.grant import Grant
from jitney.core.access.request import AccessRequest, names_of, permissions_view
from jitney.core.call_lookup import CALL_EVENT, call_index
from jitney.core.identity.principal import Principal
from jitney.core.identity.requester import Requester
from jitney.core.records.chain_numbers import next_seq
from jitney.core.records.record_texts import hashed_text, masked_texts
from jitney.core.stored_identity import name_of
from jitney.core.target_config import Target
from jitney.core.times import iso

VERSION = 1
GENESIS_HASH = "0" * 64
"""The predecessor's hash in the first record of a chain."""
TAMPERED = "AuditRecordsTampered"
"""Metric of the publisher: records that were changed or deleted. An alarm watches it."""
METRICS_NAMESPACE, METRICS_SERVICE = "Jitney", "jitney"
"""The namespace of all metrics that functions write, and their dimension `service`."""
UNDENIED_REVOCATIONS = "UndeniedRevocations"
"""Metric: revocations whose credentials may still work. An alarm watches it."""
FAILED_ANSWERS = "FailedAnswers"
"""Metric: answers that failed inside Jitney or in its use of AWS. No agent can cause these. An alarm watches it."""
UNREADABLE_GRANTS = "UnreadableGrants"
"""Metric: grants that this version cannot read, counted at each read. An alarm watches it."""
UNFETCHED_KEYS = "IssuerKeysUnfetched"
"""Metric: fetches of an issuer's keys that failed, after those of the five minutes before. An alarm watches it."""
BYPASSES = "Bypasses"
"""Metric of the correlator: calls on target roles that no grant explains. An alarm watches it."""
UNRECORDED_CALLS = "UnrecordedCalls"
"""Metric of the correlator: calls in sessions of the gateway that no record names. An alarm watches it."""
BEYOND_GRANT_CALLS = "BeyondGrantCalls"
"""Metric of the correlator: successful calls outside of what their grant allows. An alarm watches it."""
REFUSED_EVENTS = "TrailEventsRefused"
"""Metric: refused events about a target's role that cannot be genuine."""
RECONCILED = "ReconcilerRuns"
"""Metric: runs of the reconciler without a failure. An alarm fires when there are none."""
HEARTBEATS, TARGET_HEARTBEATS = "TrailHeartbeats", "TargetTrailHeartbeats"
"""Metrics of the correlator: heartbeats of CloudTrail, from the broker's account and from a target's.

Alarms fire when there are none.
"""
SEALED = "AuditRecordsSealed"
"""Metric: new seals over records. An alarm fires when there are none."""


class AuditEvent(StrEnum):
    """What a record is about."""

    REQUEST = "request"
    PREVIEW = "preview"
    TARGET_LIST = "target_list"
    REFUSAL = "refusal"
    ISSUE = "issue"
    USE = "use"
    EXPIRY = "expiry"
    RELEASE = "release"
    REVOCATION = "revocation"
    CANARY = "canary"
    DENY_ENTRY = "deny_entry"
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
    SUSPENSION = "suspension"
    CALL = CALL_EVENT
    UNRECORDED = "unrecorded"
    BEYOND_GRANT = "beyond_grant"
    TRAIL_GAP = "trail_gap"


class Outcome(StrEnum):
    """The result of the event."""

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
    ANSWERED = "answered"
    SET = "set"
    ENDED = "ended"
    UNEXPLAINED = "unexplained"
    CONFIRMED = "confirmed"
    OBJECTED = "objected"


@dataclass(frozen=True, slots=True)
class Origin:
    """The caller's address, API Gateway's request id, and the digest of the configuration that the function read."""

    source_ip: str = ""
    request_id: str = ""
    configuration: str = ""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One event. `time` is in epoch seconds. Members that do not apply are empty.

    The `outcome` of a request is that of its decision. The record "allowed" is written before the broker calls STS, so
    that no credentials exist without a record. If STS then issues none, another record says so. `count` is over 1 for
    aggregated refusals. `configuration` is the digest of what the function read that acted on a request, or "".
    """

    time: int
    event: AuditEvent
    outcome: Outcome
    code: str = ""
    grant_id: str = ""
    principal: str = ""
    issuer: str = ""
    subject: str = ""
    unit: str = ""
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
    configuration: str = ""
    count: int = 1
    detail: Mapping[str, Any] = field(default_factory=dict)


_MEMBERS = tuple(each.name for each in fields(AuditRecord))


@dataclass(frozen=True, slots=True)
class ChainedRecord:
    """A record at its position in a chain. `text` is what is stored and published. The next record holds `hash`.

    `index` are the attributes under which a call's first record is found by its grant.
    """

    chain: str
    seq: int
    text: str
    hash: str
    index: tuple[tuple[str, str], ...] = ()


def chain_record(record: AuditRecord, chain: str, seq: int = 0, prev: str = GENESIS_HASH) -> ChainedRecord:
    """Return the record as number `seq` of `chain`. `prev` is the hash of the previous record.

    The hash is SHA-256 over the canonical JSON of all other members (RFC 8785: sorted names, no white space, UTF-8).
    Callers mask a record first, with its owner's tags. Secrets that they left unmasked are masked here, without tags.
    """
    members = {name: getattr(record, name) for name in _MEMBERS} | {
        "version": VERSION,
        "chain": chain,
        "seq": seq,
        "prev": prev,
        "time": iso(record.time),
        **masked_texts(record.reason, record.ticket, record.detail),
    }
    text, digest = hashed_text(members)
    return ChainedRecord(chain, seq, text, digest, call_index(members))


def next_chained_record(record: AuditRecord, grant: Grant, skipped: int = 0) -> ChainedRecord:
    """Return the record as the next of `grant`'s chain. `skipped` numbers stay free, or have other items."""
    return chain_record(record, grant.id, next_seq(grant.records, skipped), grant.chain_head or GENESIS_HASH)


def with_chain_head(grant: Grant, newest: ChainedRecord) -> Grant:
    """Return the grant with `newest` as the last record of its chain."""
    return replace(grant, records=newest.seq + 1, chain_head=newest.hash)


def request_members(
    access_request: AccessRequest, target: Target, decision: Decision | None, requester: Requester
) -> dict[str, Any]:
    """Return the record members that describe a request: its permissions, its risks, and the action table used.

    `decision` is None for a request that was refused before a decision.
    """
    detail = (
        {"permissions": permissions_view(access_request.permissions)}
        | way_detail(access_request)
        | calls_detail(access_request)
    )
    detail |= requester.record_detail()
    detail |= decision_detail(decision) if decision else {}
    return {
        "target": target.alias,
        "account": target.account,
        **names_of(access_request.permissions)._asdict(),
        "duration_seconds": access_request.duration_seconds,
        "reason": access_request.reason,
        "ticket": access_request.ticket,
        "detail": detail,
    }


def calls_detail(access_request: AccessRequest) -> dict[str, Any]:
    """Return the calls of a request in the form of `ExplainedAction.call`; {} for a request without calls."""
    calls = tuple(dict.fromkeys(each.call for each in access_request.explanation))
    return {"calls": calls} if calls else {}


def way_detail(asked: AccessRequest | Grant) -> dict[str, Any]:
    """Return how a request or grant is used: the way, and whether answers reveal sensitive values."""
    return {"way": asked.way, "reveal": asked.reveal}


def decision_detail(decision: Decision) -> dict[str, Any]:
    """Return the action table that a decision used, and the request's risks as sentences, if there are any."""
    risks = tuple(f"{each.name} ({each.level}): {each.sentence}" for each in decision.risks)
    return {"action_table": decision.action_table} | ({"risks": risks} if risks else {})


def principal_record(
    event: AuditEvent, outcome: Outcome, principal: Principal, origin: Origin, now: int, **more: Any
) -> AuditRecord:
    """Return the record of an act of `principal`. `more` are other members of `AuditRecord`."""
    return AuditRecord(
        time=now,
        event=event,
        outcome=outcome,
        principal=principal.source_identity,
        issuer=principal.issuer,
        subject=principal.subject,
        unit=principal.unit,
        human=name_of(principal.human),
        source_ip=origin.source_ip,
        request_id=origin.request_id,
        configuration=origin.configuration,
        **more,
    )


def grant_record(
    event: AuditEvent, outcome: Outcome, grant: Grant, origin: Origin, now: int, **more: Any
) -> AuditRecord:
    """Return the record of an event of `grant`. `more` are other members of `AuditRecord`, or replace the grant's."""
    of_grant = {
        "principal": grant.principal,
        "issuer": grant.issuer,
        "subject": grant.subject,
        "unit": grant.unit,
        "human": name_of(grant.human),
        "target": grant.target,
        "account": grant.account,
        **names_of(grant.permissions)._asdict(),
        "duration_seconds": grant.duration_seconds,
        "expires_at": iso(grant.expires_at),
        "reason": grant.reason,
        "ticket": grant.ticket,
        "source_ip": origin.source_ip,
        "request_id": origin.request_id,
        "configuration": origin.configuration,
        "policy_version": grant.policy_version,
    }
    return AuditRecord(now, event, outcome, grant_id=grant.id, **(of_grant | more))
