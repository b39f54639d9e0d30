"""The schedule of a review: reminders with back-off, escalation and end (row REV 6). Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from jitney.core.access.break_glass import BreakGlassUse
from jitney.core.access.grant import Grant, State
from jitney.core.review.notices import Notice
from jitney.core.review.reviewers import Groups, escalates_at, requested_groups

UNCHANGED = 0
"""The time of the last change of a grant that was never restarted or narrowed, and without break-glass."""
FIRST_REMINDER = 6
"""The first reminder comes after one sixth of a review. Each further interval is twice as long as the last."""


class ScheduleCheck(NamedTuple):
    """A check of a review: its time, and the time of the last change of the grant that it saw (epoch seconds, or 0).

    The clocks of two functions may differ by seconds. So `at` is compared with other checks, and `change` with other
    changes, whose times only grow (`next_change_at`).
    """

    at: int = 0
    change: int = UNCHANGED

    @classmethod
    def read(cls, since: int | Mapping[str, Any]) -> Self:
        """Return the check in an event of the workflow: 0 before the first one. Raises TypeError for another value.

        The event of an execution that began before an upgrade may have only the time, which is after the last change.
        """
        return cls(since, max(UNCHANGED, since - 1)) if isinstance(since, int) else cls(**since)

    def next(self, grant: Grant, now: int) -> Self:
        """Return the check of `grant` at `now`. It is never before this one, even if a clock is."""
        return self._replace(at=max(now, self.at), change=_last_change_at(grant))


NEVER_CHECKED = ScheduleCheck()
"""The check before the first notice of a review, and that of its last notice, which is sent once."""


class Due(NamedTuple):
    """The notice that is due now, or None, and the seconds until the next one or the end."""

    notice: Notice | None
    wait_seconds: int


def due(grant: Grant, groups: Groups, since: ScheduleCheck, now: int) -> Due:
    """Return what has become due since a check.

    After break-glass, its notice is due first, then reminders of the follow-up review until its due time. Otherwise
    only one notice is sent at a time: the first in the order restarted review, escalation, narrowed request, reminder.
    It reaches everyone that the notices after it in this order would reach.
    """
    if grant.break_glass:
        return _due_after_break_glass(grant.break_glass, since, now)
    escalations, reminders = _escalations(grant, groups), _reminders(grant)
    ahead = [moment for moment in (*escalations, *reminders, grant.expires_at) if moment > now]
    notice = _notice(escalations, reminders, since.at, now)
    if notice is not Notice.REQUESTED and (grant.review_restarted_at or UNCHANGED) > since.change:
        notice = Notice.REVIEW_RESTARTED
    elif notice in (None, Notice.REMINDED) and (grant.narrowed_at or UNCHANGED) > since.change:
        notice = Notice.NARROWED
    return Due(notice, min(ahead, default=now + 1) - now)


def next_change_at(grant: Grant, now: int) -> int:
    """Return the time of a change at `now`. It is after the last change, even if a clock is not."""
    return max(now, _last_change_at(grant) + 1)


def has_changed_since(grant: Grant, since: ScheduleCheck) -> bool:
    """Return whether the review was restarted or narrowed, or break-glass used, since a check."""
    return _last_change_at(grant) > since.change


def is_waiting(grant: Grant, now: int) -> bool:
    """Return whether a decision is awaited, or a follow-up review that is not overdue."""
    if grant.break_glass:
        return grant.awaits_follow_up and now < grant.break_glass.due_at
    return grant.at(now).state is State.PENDING


def wait_goes_on(grant: Grant, since: ScheduleCheck, now: int) -> bool:
    """Return whether the wait after a check goes on: nothing has happened that the workflow has work for."""
    return is_waiting(grant, now) and not has_changed_since(grant, since)


def _last_change_at(grant: Grant) -> int:
    """Return the time of the last break-glass, restart or narrowing, or UNCHANGED."""
    used = grant.break_glass.at if grant.break_glass else UNCHANGED
    return max(used, grant.review_restarted_at or UNCHANGED, grant.narrowed_at or UNCHANGED)


def _due_after_break_glass(use: BreakGlassUse, since: ScheduleCheck, now: int) -> Due:
    first = (use.due_at - use.at) // FIRST_REMINDER
    reminders = (use.at + first, use.at + 3 * first) if first else ()
    ahead = min((moment for moment in (*reminders, use.due_at) if moment > now), default=now + 1)
    if use.at > since.change:
        return Due(Notice.BREAK_GLASS, ahead - now)
    remind = any(since.at < moment <= now for moment in reminders)
    return Due(Notice.FOLLOW_UP_DUE if remind else None, ahead - now)


def _notice(escalations: tuple[int, ...], reminders: tuple[int, ...], since: int, now: int) -> Notice | None:
    if since == NEVER_CHECKED.at:
        return Notice.REQUESTED
    if any(since < moment <= now for moment in escalations):
        return Notice.ESCALATED
    if any(since < moment <= now for moment in reminders):
        return Notice.REMINDED
    return None


def _escalations(grant: Grant, groups: Groups) -> tuple[int, ...]:
    """Return when groups without an approval escalate, as `reviewers.eligible_members` does."""
    waiting = [name for name in requested_groups(grant) - set(grant.approvals) if name in groups]
    return tuple(at for each in waiting if (at := escalates_at(each, grant, groups)) is not None)


def _reminders(grant: Grant) -> tuple[int, ...]:
    """Return the times of the reminders, after a sixth and after half of the review.

    A third reminder would come after the end.
    """
    first = (grant.expires_at - grant.created_at) // FIRST_REMINDER
    return (grant.created_at + first, grant.created_at + 3 * first) if first else ()
