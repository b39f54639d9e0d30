"""When a grant was requested, decided, issued and ended, and its state."""

from collections.abc import Iterable, Mapping, Sequence

from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.report.grant_report import ReportedEnd, ReportedState, Times
from jitney.core.report.published_lines import PublishedRecord
from jitney.core.report.review_history import state_after_vote

_ENDS: Mapping[str, ReportedState] = {
    AuditEvent.RELEASE: ReportedState.RELEASED,
    AuditEvent.REVOCATION: ReportedState.REVOKED,
    AuditEvent.EXPIRY: ReportedState.EXPIRED,
    AuditEvent.USE: ReportedState.USED,
}
_FINAL = frozenset({"policy_too_large"})
"""Codes of failed issuances that end a grant (jitney.handlers.grant.issuance)."""
_STATES: Mapping[str, ReportedState] = {
    "active": ReportedState.ACTIVE,
    "rejected": ReportedState.REJECTED,
    "failed": ReportedState.FAILED,
}
_UNDECIDED_OR_ACTIVE = frozenset({ReportedState.PENDING, ReportedState.ACTIVE})
_RELEASED_OR_REVOKED = frozenset({ReportedState.RELEASED, ReportedState.REVOKED})


def times_of(own: Sequence[PublishedRecord], now: int) -> Times:
    """Return the times of a grant from its ordered chain."""
    requested = next((each.time for each in own if each.event == AuditEvent.REQUEST), 0)
    decided = next((each.time for each in own if _decides(each)), 0)
    activation = next((each for each in own if _state_after(each) is ReportedState.ACTIVE), None)
    issued = next((each.time for each in own if _issues(each)), 0)
    expires_at = _newest(each.expires_at for each in own if activation is None or each.seq >= activation.seq)
    state, record = _ended(own)
    if state in _UNDECIDED_OR_ACTIVE:
        ended = expires_at if 0 < expires_at <= now else 0
    elif state is ReportedState.EXPIRED:
        ended = expires_at or (record.time if record else 0)
    else:
        # A revocation after the end changes only what the grant's approval allows.
        before = [each.time for each in own if each.event in (AuditEvent.RELEASE, AuditEvent.USE)]
        found = (*before, record.time, record.time_of("ended_at"), expires_at) if record else ()
        ended = min(filter(None, found), default=0)
    return Times(requested, decided, issued, expires_at, ended)


def end_of(own: Sequence[PublishedRecord], times: Times, now: int) -> ReportedEnd:
    """Return how the grant ended, or its state at `now`.

    After its expiry, a grant counts as expired, even without a record.
    """
    state, record = _ended(own)
    if state in _UNDECIDED_OR_ACTIVE and 0 < times.expires_at <= now:
        return ReportedEnd(ReportedState.EXPIRED, recorded=False)
    if record is None or state in _UNDECIDED_OR_ACTIVE:
        return ReportedEnd(state)
    by, why = record.word("by"), record.word("reason") or record.word("error") or record.code
    if record.event == AuditEvent.VOTE:  # policies, not the reviewer, fail a request that a reviewer approves
        by, why = ("", record.code) if state is ReportedState.FAILED else (by, record.word("comment") or record.code)
    canaries = [each for each in own if each.event == AuditEvent.CANARY] if state in _RELEASED_OR_REVOKED else []
    took = canaries[-1].detail_members.get("denied_after_milliseconds") if canaries else None
    milliseconds = took if isinstance(took, int) and not isinstance(took, bool) else None
    entries = [each for each in own if each.event == AuditEvent.DENY_ENTRY and each.seq > record.seq]
    written = next((each.time_of("written_at") or each.time for each in entries if each.outcome == Outcome.SET), 0)
    return ReportedEnd(
        state,
        by,
        why,
        measured=bool(canaries),
        denied_after_milliseconds=milliseconds,
        deny_entry_at=written,
        deny_entry_failure=next((each.code for each in entries if each.outcome == Outcome.FAILED), ""),
        denial_unrecorded=_needs_denial(record, own, times) and not written and milliseconds is None,
    )


def _needs_denial(end: PublishedRecord, own: Sequence[PublishedRecord], times: Times) -> bool:
    """Return whether the grant's own records must say that AWS denies it. For a suspension, the suspension's do."""
    covered = end.word("no_denial") or end.word("suspension") or end.time >= times.expires_at
    return end.event == AuditEvent.REVOCATION and not covered and any(map(_issues, own))


def _ended(own: Sequence[PublishedRecord]) -> tuple[ReportedState, PublishedRecord | None]:
    """Return the state and the record that set it. Revoked is final, and so is released, except for a revocation."""
    state, record = ReportedState.UNKNOWN, None
    for each in own:
        new_state = _state_after(each)
        revoked = new_state is ReportedState.REVOKED and state is ReportedState.RELEASED
        if new_state is not None and (revoked or state not in _RELEASED_OR_REVOKED):
            state, record = new_state, each
    return state, record


def _state_after(record: PublishedRecord) -> ReportedState | None:
    """Return the state that a record sets; None if it sets none."""
    match record.event, record.outcome:
        case (AuditEvent.REQUEST, Outcome.ALLOWED) | (AuditEvent.BREAK_GLASS, Outcome.APPROVED):
            return ReportedState.ACTIVE
        case AuditEvent.REQUEST, Outcome.REVIEW:
            return ReportedState.PENDING
        case (AuditEvent.REQUEST | AuditEvent.REVIEW, Outcome.FAILED):
            return ReportedState.FAILED
        case AuditEvent.ISSUE, Outcome.FAILED:
            return ReportedState.FAILED if record.code in _FINAL else None
        case AuditEvent.VOTE, _:
            return _STATES.get(state_after_vote(record))
        case _:
            return _ENDS.get(record.event)


def _decides(record: PublishedRecord) -> bool:
    allowed = _state_after(record) is ReportedState.ACTIVE
    return allowed or (record.event == AuditEvent.VOTE and _state_after(record) is not None)


def _issues(record: PublishedRecord) -> bool:
    return record.event in (AuditEvent.REQUEST, AuditEvent.ISSUE) and record.outcome == Outcome.ALLOWED


def _newest(times: Iterable[int]) -> int:
    return next((each for each in reversed(list(times)) if each), 0)
