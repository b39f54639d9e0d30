"""Who was notified of a request, and how the reviewers voted."""

from collections.abc import Iterable, Sequence

from jitney.core.records.audit import AuditEvent, Outcome
from jitney.core.report.grant_report import (
    FollowUpReview,
    RefusedAttempt,
    ReportedBreakGlass,
    ReportedVote,
    SentNotification,
    Terms,
)
from jitney.core.report.published_lines import PublishedRecord, moment, texts


def state_after_vote(record: PublishedRecord) -> str:
    """Return the grant state that the record of a vote sets; "" for other records."""
    return record.word("state") if record.event == AuditEvent.VOTE else ""


def votes_of(own: Sequence[PublishedRecord], requested: Terms) -> tuple[ReportedVote, ...]:
    """Return the votes in order. A vote has narrowed terms if it narrowed the request.

    A later vote for the narrowed request has none.
    """
    votes = []
    for each in own:
        if each.event != AuditEvent.VOTE:
            continue
        terms = Terms(each.permissions or requested.permissions, each.duration_seconds)
        approved = each.outcome == Outcome.APPROVED
        narrowed = terms if approved and terms != requested else None
        if narrowed:
            requested = narrowed
        delegators = dict.fromkeys(
            str(entry["delegator"]) for entry in each.objects("delegations") if entry.get("delegator")
        )
        verdict, comment, via = each.outcome, each.word("comment"), each.word("via")
        once = each.detail_members.get("this_time_only") is True
        people = (each.word("by"), verdict, tuple(delegators))
        votes.append(ReportedVote(each.time, *people, comment, via, narrowed, once, each.code))
    return tuple(votes)


def refused_attempts(grant_id: str, records: Iterable[PublishedRecord]) -> tuple[RefusedAttempt, ...]:
    """Return the refused attempts on a grant, the first one first. Repeated records do not matter."""
    found: dict[tuple[str, str, str], RefusedAttempt] = {}
    for each in sorted(set(records), key=lambda record: (record.time, record.chain, record.seq)):
        if each.grant_id or each.outcome != Outcome.REFUSED or each.word("grant") != grant_id:
            continue
        key = (str(each.event), each.principal, each.code)
        before = found.get(key, RefusedAttempt(each.time, each.time, *key, 0))
        found[key] = before._replace(last=each.time, times=before.times + each.count)
    return tuple(found.values())


def earlier_approvals_of(first: PublishedRecord) -> tuple[tuple[str, tuple[str, ...], int], ...]:
    """Return the grants whose approvals counted for a request, each with the groups that approved it, and when."""
    found = first.objects("earlier_approvals")
    return tuple((str(each.get("grant", "")), texts(each.get("groups")), moment(each.get("at"))) for each in found)


_WORKED = (None, "", "already_sent")
"""The codes of messages that were sent, by this attempt or an earlier one."""


def notification_of(record: PublishedRecord) -> SentNotification:
    """Return the notification in a record."""
    sent = record.objects("sent")
    worked = dict.fromkeys(str(each.get("channel", "")) for each in sent if each.get("code") in _WORKED)
    failed = dict.fromkeys(
        f"{each.get('channel', '')}: {each['code']}" for each in sent if each.get("code") not in _WORKED
    )
    names = record.words("reviewers")
    return SentNotification(record.time, record.word("notice"), names, tuple(worked), tuple(failed))


def break_glass_of(record: PublishedRecord) -> ReportedBreakGlass:
    """Return the break-glass use in a record."""
    return ReportedBreakGlass(record.time, record.word("by"), record.word("reason"), record.word("follow_up_due_at"))


def follow_up_of(record: PublishedRecord) -> FollowUpReview:
    """Return the follow-up review in a record."""
    return FollowUpReview(record.time, record.word("by"), record.outcome, record.word("comment"))
