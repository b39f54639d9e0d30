"""Who was asked about a request and what they said, by its records."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jitney.core.audit import AuditEvent, Outcome
from jitney.core.report.grant_report import FollowUpReview, ReportedBreakGlass, ReportedVote, SentNotification, Terms
from jitney.core.report.published_lines import PublishedRecord


def state_after_vote(note: PublishedRecord) -> str:
    """What a vote made of the request, as a state of grants; "" for a record of another kind."""
    return note.word("state") if note.event == AuditEvent.VOTE else ""


def votes_of(own: Sequence[PublishedRecord], asked: Terms) -> tuple[ReportedVote, ...]:
    """The votes in their order, each with the terms that it left if they are less than what was asked before."""
    return tuple(_votes(own, asked))


def _votes(own: Sequence[PublishedRecord], asked: Terms) -> Iterator[ReportedVote]:
    for each in own:
        if each.event != AuditEvent.VOTE:
            continue
        terms = Terms(each.permissions or asked.permissions, each.duration_seconds)
        approved = each.outcome == Outcome.APPROVED
        less = terms if approved and terms != asked else None
        if less:
            asked = less
        stands_in = tuple(
            dict.fromkeys(text for place in _members(each, "delegations") if (text := place.get("absent")))
        )
        verdict, comment, via = each.outcome, each.word("comment"), each.word("via")
        yield ReportedVote(each.time, each.word("by"), verdict, tuple(map(str, stands_in)), comment, via, less)


def notification_of(note: PublishedRecord) -> SentNotification:
    """The notice of a record."""
    sent = _members(note, "sent")
    people = note.said.get("reviewers")
    listed = people if isinstance(people, list) else []
    worked = dict.fromkeys(str(each.get("channel", "")) for each in sent if not each.get("code"))
    failed = dict.fromkeys(f"{each.get('channel', '')}: {each['code']}" for each in sent if each.get("code"))
    names = tuple(each for each in listed if isinstance(each, str))
    return SentNotification(note.time, note.word("notice"), names, tuple(worked), tuple(failed))


def break_glass_of(note: PublishedRecord) -> ReportedBreakGlass:
    """The broken glass of a record."""
    return ReportedBreakGlass(note.time, note.word("by"), note.word("reason"), note.word("follow_up_due_at"))


def follow_up_of(note: PublishedRecord) -> FollowUpReview:
    """What a record says of a broken glass."""
    return FollowUpReview(note.time, note.word("by"), note.outcome, note.word("comment"))


def _members(note: PublishedRecord, name: str) -> list[Mapping[str, Any]]:
    listed = note.said.get(name)
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
