"""When in a review something is due, and what: reminders with back-off, escalation, the end (row REV 6). Pure."""

from typing import NamedTuple

from jitney.core.access.break_glass import BreakGlassUse
from jitney.core.access.grant import Grant, State
from jitney.core.review.notices import Notice
from jitney.core.review.reviewers import Groups, requested_groups

NEVER_CHECKED = 0
"""The `since` of a review of which nobody has been told."""
FIRST_REMINDER = 6
"""The part of a review, as its inverse, that passes before the first reminder; each pause is twice the one before."""


class Due(NamedTuple):
    """What is due now, None for nothing, and in how many seconds something will be due next: at the latest the end."""

    notice: Notice | None
    wait_seconds: int


def due(grant: Grant, groups: Groups, since: int, now: int) -> Due:
    """What is due in the review of a pending grant, after what was due until `since` (epoch seconds, NOTHING_YET).

    After the glass was broken that is what is told at once, then that nobody has looked at it yet, until the end of the
    time for that. Where several things are due they are one notice: that it is asked anew, which reaches everybody who
    may decide; else an escalation, which reaches all that a reminder does; else that less of it waits, which does too.
    """
    if grant.break_glass:
        return _due_after_break_glass(grant.break_glass, since, now)
    escalations, reminders = _escalations(grant, groups), _reminders(grant)
    ahead = [moment for moment in (*escalations, *reminders, grant.expires_at) if moment > now]
    notice = _notice(escalations, reminders, since, now)
    told = since != NEVER_CHECKED
    if told and since <= (grant.review_restarted_at or NEVER_CHECKED):
        notice = Notice.CHANGED
    elif told and since <= (grant.narrowed_at or NEVER_CHECKED) and notice is not Notice.ESCALATED:
        notice = Notice.NARROWED
    return Due(notice, min(ahead, default=now + 1) - now)


def checked_at(grant: Grant, now: int) -> int:
    """The `since` of a look at `now`: always later than the last news, that it be told once."""
    return max(now, _last_change_at(grant) + 1)


def next_change_at(grant: Grant, now: int) -> int:
    """The moment of news that happen at `now`: later than those before, whose look is `seen` a second ahead of them."""
    return max(now, _last_change_at(grant) + 1)


def has_changed_since(grant: Grant, since: int) -> bool:
    """Whether since the look at `since` something happened that people wait to be told of, though none decided."""
    return since <= _last_change_at(grant) != NEVER_CHECKED


def is_waiting(grant: Grant, now: int) -> bool:
    """Whether people are waited for: to decide, or to look at a broken glass while there is time for that."""
    if grant.break_glass:
        return grant.awaits_follow_up and now < grant.break_glass.due_at
    return grant.at(now).state is State.PENDING


def _last_change_at(grant: Grant) -> int:
    """When a glass last broke, it was asked anew or became less; NOTHING_YET if nothing of this."""
    broken = grant.break_glass.at if grant.break_glass else NEVER_CHECKED
    return max(broken, grant.review_restarted_at or NEVER_CHECKED, grant.narrowed_at or NEVER_CHECKED)


def _due_after_break_glass(glass: BreakGlassUse, since: int, now: int) -> Due:
    first = (glass.due_at - glass.at) // FIRST_REMINDER
    reminders = (glass.at + first, glass.at + 3 * first) if first else ()
    ahead = min((moment for moment in (*reminders, glass.due_at) if moment > now), default=now + 1)
    if since <= glass.at:
        return Due(Notice.BROKEN, ahead - now)
    owed = any(since < moment <= now for moment in reminders)
    return Due(Notice.FOLLOW_UP_DUE if owed else None, ahead - now)


def _notice(escalations: tuple[int, ...], reminders: tuple[int, ...], since: int, now: int) -> Notice | None:
    if since == NEVER_CHECKED:
        return Notice.ASKED
    if any(since < moment <= now for moment in escalations):
        return Notice.ESCALATED
    if any(since < moment <= now for moment in reminders):
        return Notice.REMINDED
    return None


def _escalations(grant: Grant, groups: Groups) -> tuple[int, ...]:
    """When the groups that have not approved yet escalate to others, as `core.review.reviewers.eligible_members` has it."""
    waiting = [groups[name] for name in requested_groups(grant) - set(grant.approvals) if name in groups]
    return tuple(grant.created_at + each.escalates_after_seconds for each in waiting if each.escalates_to in groups)


def _reminders(grant: Grant) -> tuple[int, ...]:
    """After a sixth and after half of the review: with each pause twice the last, a third would be past the end."""
    first = (grant.expires_at - grant.created_at) // FIRST_REMINDER
    return (grant.created_at + first, grant.created_at + 3 * first) if first else ()
