"""When a grant was asked for, decided, issued and ended, and how."""

from collections.abc import Iterable, Mapping, Sequence

from jitney.core.audit import Event, Outcome
from jitney.core.story.lines import Note
from jitney.core.story.reviewing import vote_of
from jitney.core.story.story import End, Ending, Times

_ENDS: Mapping[str, Ending] = {
    Event.RELEASE: Ending.RELEASED,
    Event.REVOCATION: Ending.REVOKED,
    Event.EXPIRY: Ending.EXPIRED,
}
_FINAL = frozenset({"issue_refused", "policy_too_large"})
"""Codes of failed issues that end a grant (jitney.handlers.issuing)."""
_STATES: Mapping[str, Ending] = {"active": Ending.ACTIVE, "rejected": Ending.REJECTED, "failed": Ending.FAILED}
_OPEN = frozenset({Ending.PENDING, Ending.ACTIVE})
_TAKEN_BACK = frozenset({Ending.RELEASED, Ending.REVOKED})


def times_of(own: Sequence[Note], now: int) -> Times:
    """The times of a chain in its order."""
    asked = next((each.time for each in own if each.event == Event.REQUEST), 0)
    decided = next((each.time for each in own if _decides(each)), 0)
    begun = next((each for each in own if _standing(each) is Ending.ACTIVE), None)
    issued = next((each.time for each in own if _issues(each)), 0)
    until = _newest(each.expires_at for each in own if begun is None or each.seq >= begun.seq)
    how, note = _ended(own)
    if how in _OPEN:
        ended = until if 0 < until <= now else 0
    elif how is Ending.EXPIRED:
        ended = until or (note.time if note else 0)
    else:
        ended = note.time if note else 0
    return Times(asked, decided, issued, until, ended)


def end_of(own: Sequence[Note], times: Times, now: int) -> End:
    """How it ended, or how it stands at `now`: past its end it has expired, whether or not that is on record."""
    how, note = _ended(own)
    if how in _OPEN and 0 < times.until <= now:
        return End(Ending.EXPIRED, noted=False)
    if note is None or how in _OPEN:
        return End(how)
    why = note.word("reason") or note.word("error") or note.code
    if note.event == Event.VOTE:
        why = note.word("comment") or note.code
    canaries = [each for each in own if each.event == Event.CANARY] if how in _TAKEN_BACK else []
    took = canaries[-1].said.get("kill_milliseconds") if canaries else None
    milliseconds = took if isinstance(took, int) and not isinstance(took, bool) else None
    return End(how, note.word("by"), why, bool(canaries), milliseconds)


def _ended(own: Sequence[Note]) -> tuple[Ending, Note | None]:
    """How it stands by its records, and the one that says so; what somebody took back stays taken back."""
    how, note = Ending.UNKNOWN, None
    for each in own:
        standing = _standing(each)
        if standing is not None and how not in _TAKEN_BACK:
            how, note = standing, each
    return how, note


def _standing(note: Note) -> Ending | None:
    """What a record makes of the grant; None when it leaves it as it is."""
    match note.event, note.outcome:
        case (Event.REQUEST, Outcome.ALLOWED) | (Event.BREAK_GLASS, Outcome.APPROVED):
            return Ending.ACTIVE
        case Event.REQUEST, Outcome.REVIEW:
            return Ending.PENDING
        case (Event.REQUEST | Event.REVIEW, Outcome.FAILED):
            return Ending.FAILED
        case Event.ISSUE, Outcome.FAILED:
            return Ending.FAILED if note.code in _FINAL else None
        case Event.VOTE, _:
            return _STATES.get(vote_of(note))
        case _:
            return _ENDS.get(note.event)


def _decides(note: Note) -> bool:
    allowed = _standing(note) is Ending.ACTIVE
    return allowed or (note.event == Event.VOTE and _standing(note) is not None)


def _issues(note: Note) -> bool:
    return note.event in (Event.REQUEST, Event.ISSUE) and note.outcome == Outcome.ALLOWED


def _newest(times: Iterable[int]) -> int:
    return next((each for each in reversed(list(times)) if each), 0)
