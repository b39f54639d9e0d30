"""Telling: from the records of one grant and the calls joined to it to its `Story`.

The order in which records and calls are handed over, and how often, makes no difference.
"""

from collections.abc import Iterable, Iterator, Sequence

from jitney.core.audit import AuditEvent, Outcome
from jitney.core.report.chain import chain_of
from jitney.core.report.grant_report import CredentialIssuance, GrantReport, RecordSummary, Requester, Terms
from jitney.core.report.lifecycle import end_of, times_of
from jitney.core.report.published_lines import Line, PublishedRecord, parse_call, parse_record
from jitney.core.report.review_history import break_glass_of, follow_up_of, notification_of, state_after_vote, votes_of
from jitney.core.report.usage import usage_of

_GRANTING = frozenset({(AuditEvent.REQUEST, Outcome.ALLOWED), (AuditEvent.BREAK_GLASS, Outcome.APPROVED)})

_CUT = "There is more than was read here: records or calls are missing below. `jitney audit show` has them all."


def build_report(
    grant_id: str, records: Iterable[Line], calls: Iterable[Line], now: int, *, cut: bool = False
) -> GrantReport | None:
    """The story of `grant_id` at `now`; None where no record of it is among `records`.

    What is about other grants is left out. Lines that cannot be read, events that are not known and gaps are told, and
    whether there is more than `records` and `calls` (`cut`).
    """
    lines, seen = list(records), list(calls)
    notes = [parse_record(each) for each in lines]
    chain = chain_of(grant_id, (each for each in notes if each))
    if not chain.notes:
        return None
    own = chain.notes
    first = own[0]
    asked = _terms(first)
    granted = _granted(own, asked)
    used = usage_of((parse_call(each) for each in seen if not each or each.get("grant_id") == grant_id), granted)
    unreadable = sum(each is None for each in notes) + used.unreadable
    partial = cut or used.unreadable > 0
    doubts = (*((_CUT,) if cut else ()), *chain.warnings, *_unreadable(unreadable), *_headless(first))
    times = times_of(own, now)
    return GrantReport(
        grant_id=grant_id,
        who=_requester(own),
        reason=first.reason,
        ticket=first.ticket,
        target=first.target,
        account=first.account,
        asked=asked,
        granted=granted,
        using=_words(first, "calls"),
        policies=_policies(own),
        policy_version=next((each.policy_version for each in reversed(own) if each.policy_version), ""),
        risks=_words(first, "risks"),
        reviews=_reviews(first),
        told=tuple(notification_of(each) for each in own if each.event == AuditEvent.NOTICE),
        votes=votes_of(own, asked),
        break_glass=next((break_glass_of(each) for each in own if each.event == AuditEvent.BREAK_GLASS), None),
        follow_ups=tuple(follow_up_of(each) for each in own if each.event == AuditEvent.FOLLOW_UP),
        times=times,
        end=end_of(own, times, now),
        issues=tuple(_issues(own)),
        repeats=tuple(each.time for each in chain.others if each.event == AuditEvent.REQUEST),
        cut_offs=tuple(each.time for each in own if each.event == AuditEvent.CUT_OFF),
        uses=used.uses,
        denied=used.denied,
        bypasses=used.bypasses,
        calls=used.total,
        begun=used.begun,
        besides=used.besides,
        never=() if partial else used.never,
        left=used.left,
        seen=used.seen,
        moments=tuple(map(_moment, (*own, *chain.others))),
        warnings=doubts,
        partial=partial,
    )


def _terms(note: PublishedRecord) -> Terms:
    return Terms(note.permissions, note.duration_seconds)


def _granted(own: Sequence[PublishedRecord], asked: Terms) -> Terms | None:
    """The newest terms that somebody or policy granted."""
    found: Terms | None = None
    for each in own:
        if (each.event, each.outcome) in _GRANTING or state_after_vote(each) == "active":
            found = Terms(each.permissions or asked.permissions, each.duration_seconds)
    return found


def _requester(own: Sequence[PublishedRecord]) -> Requester:
    first = own[0]
    # Votes, notices and ends come from other people's addresses.
    theirs = (each for each in own if each.event in (AuditEvent.REQUEST, AuditEvent.ISSUE))
    addresses = tuple(dict.fromkeys(each.source_ip for each in theirs if each.source_ip))
    return Requester(first.principal, first.human, first.issuer, first.subject, addresses)


def _policies(own: Sequence[PublishedRecord]) -> tuple[str, ...]:
    """Those that decided at last."""
    return next((each.policies for each in reversed(own) if each.policies), ())


def _reviews(first: PublishedRecord) -> tuple[tuple[str, ...], ...]:
    listed = first.said.get("reviews")
    ways = listed if isinstance(listed, list) else []
    return tuple(tuple(name for name in each if isinstance(name, str)) for each in ways if isinstance(each, list))


def _words(note: PublishedRecord, name: str) -> tuple[str, ...]:
    listed = note.said.get(name)
    return tuple(each for each in listed if isinstance(each, str)) if isinstance(listed, list) else ()


def _issues(own: Sequence[PublishedRecord]) -> Iterator[CredentialIssuance]:
    """Every issue: a request that policy allowed at once is the first; a failure follows the record of its attempt."""
    found: list[CredentialIssuance] = []
    for each in own:
        allowed = (each.event, each.outcome) == (AuditEvent.REQUEST, Outcome.ALLOWED)
        if allowed or (each.event == AuditEvent.ISSUE and each.outcome == Outcome.ALLOWED):
            found.append(CredentialIssuance(each.time, each.source_ip, str(Outcome.ALLOWED), ""))
        elif each.event == AuditEvent.ISSUE:
            if found and each.outcome == Outcome.FAILED and found[-1].outcome == Outcome.ALLOWED:
                found.pop()
            found.append(CredentialIssuance(each.time, each.source_ip, each.outcome, each.code))
    yield from found


def _moment(note: PublishedRecord) -> RecordSummary:
    return RecordSummary(note.seq, note.time, note.event, note.outcome, note.code, known=note.event in set(AuditEvent))


def _unreadable(count: int) -> Iterator[str]:
    if count:
        yield f"{count} line{'' if count == 1 else 's'} could not be read."


def _headless(first: PublishedRecord) -> Iterator[str]:
    if first.event != AuditEvent.REQUEST:
        yield "The record of the request is not here: what was asked is told by a later one."
