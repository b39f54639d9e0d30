"""When a grant was asked for, decided, issued and ended, and how."""

from collections.abc import Iterable, Mapping, Sequence

from jitney.core.audit import AuditEvent, Outcome
from jitney.core.report.grant_report import ReportedEnd, ReportedState, Times
from jitney.core.report.published_lines import PublishedRecord
from jitney.core.report.review_history import state_after_vote

_ENDS: Mapping[str, ReportedState] = {
    AuditEvent.RELEASE: ReportedState.RELEASED,
    AuditEvent.REVOCATION: ReportedState.REVOKED,
    AuditEvent.EXPIRY: ReportedState.EXPIRED,
}
_FINAL = frozenset({"issue_refused", "policy_too_large"})
"""Codes of failed issues that end a grant (jitney.handlers.issuance)."""
_STATES: Mapping[str, ReportedState] = {
    "active": ReportedState.ACTIVE,
    "rejected": ReportedState.REJECTED,
    "failed": ReportedState.FAILED,
}
_OPEN = frozenset({ReportedState.PENDING, ReportedState.ACTIVE})
_RELEASED_OR_REVOKED = frozenset({ReportedState.RELEASED, ReportedState.REVOKED})


def times_of(own: Sequence[PublishedRecord], now: int) -> Times:
    """The times of a chain in its order."""
    asked = next((each.time for each in own if each.event == AuditEvent.REQUEST), 0)
    decided = next((each.time for each in own if _decides(each)), 0)
    begun = next((each for each in own if _state_after(each) is ReportedState.ACTIVE), None)
    issued = next((each.time for each in own if _issues(each)), 0)
    until = _newest(each.expires_at for each in own if begun is None or each.seq >= begun.seq)
    how, note = _ended(own)
    if how in _OPEN:
        ended = until if 0 < until <= now else 0
    elif how is ReportedState.EXPIRED:
        ended = until or (note.time if note else 0)
    else:
        ended = note.time if note else 0
    return Times(asked, decided, issued, until, ended)


def end_of(own: Sequence[PublishedRecord], times: Times, now: int) -> ReportedEnd:
    """How it ended, or how it stands at `now`: past its end it has expired, whether or not that is on record."""
    how, note = _ended(own)
    if how in _OPEN and 0 < times.until <= now:
        return ReportedEnd(ReportedState.EXPIRED, noted=False)
    if note is None or how in _OPEN:
        return ReportedEnd(how)
    why = note.word("reason") or note.word("error") or note.code
    if note.event == AuditEvent.VOTE:
        why = note.word("comment") or note.code
    canaries = [each for each in own if each.event == AuditEvent.CANARY] if how in _RELEASED_OR_REVOKED else []
    took = canaries[-1].said.get("denied_after_milliseconds") if canaries else None
    milliseconds = took if isinstance(took, int) and not isinstance(took, bool) else None
    return ReportedEnd(how, note.word("by"), why, bool(canaries), milliseconds)


def _ended(own: Sequence[PublishedRecord]) -> tuple[ReportedState, PublishedRecord | None]:
    """How it stands by its records, and the one that says so; what somebody took back stays taken back."""
    how, note = ReportedState.UNKNOWN, None
    for each in own:
        standing = _state_after(each)
        if standing is not None and how not in _RELEASED_OR_REVOKED:
            how, note = standing, each
    return how, note


def _state_after(note: PublishedRecord) -> ReportedState | None:
    """What a record makes of the grant; None when it leaves it as it is."""
    match note.event, note.outcome:
        case (AuditEvent.REQUEST, Outcome.ALLOWED) | (AuditEvent.BREAK_GLASS, Outcome.APPROVED):
            return ReportedState.ACTIVE
        case AuditEvent.REQUEST, Outcome.REVIEW:
            return ReportedState.PENDING
        case (AuditEvent.REQUEST | AuditEvent.REVIEW, Outcome.FAILED):
            return ReportedState.FAILED
        case AuditEvent.ISSUE, Outcome.FAILED:
            return ReportedState.FAILED if note.code in _FINAL else None
        case AuditEvent.VOTE, _:
            return _STATES.get(state_after_vote(note))
        case _:
            return _ENDS.get(note.event)


def _decides(note: PublishedRecord) -> bool:
    allowed = _state_after(note) is ReportedState.ACTIVE
    return allowed or (note.event == AuditEvent.VOTE and _state_after(note) is not None)


def _issues(note: PublishedRecord) -> bool:
    return note.event in (AuditEvent.REQUEST, AuditEvent.ISSUE) and note.outcome == Outcome.ALLOWED


def _newest(times: Iterable[int]) -> int:
    return next((each for each in reversed(list(times)) if each), 0)
