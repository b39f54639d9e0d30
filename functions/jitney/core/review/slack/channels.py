"""The channels that show a request: those of its reviewer groups (row REV 6). Pure."""

from jitney.core.access.grant import Grant
from jitney.core.review.reviewers import Groups, requested_groups


def channels(grant: Grant, groups: Groups, now: int) -> tuple[str, ...]:
    """Return the channels of the requested groups and their escalations due by `now`, sorted, without duplicates."""
    asked = [groups[name] for name in requested_groups(grant) if name in groups]
    late = [each for each in asked if now >= grant.created_at + each.escalates_after_seconds]
    further = [groups[each.escalates_to] for each in late if each.escalates_to in groups]
    return tuple(sorted({each.channel for each in (*asked, *further) if each.channel}))
