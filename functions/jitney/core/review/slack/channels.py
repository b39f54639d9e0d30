"""Which channels a request is shown in: those of the groups that may decide it (row REV 6)."""

from jitney.core.access.grant import Grant
from jitney.core.review.reviewers import Groups, requested_groups


def channels(grant: Grant, groups: Groups, now: int) -> tuple[str, ...]:
    """The channels of the groups that are asked, and of whom they have escalated to by `now`; sorted, each once."""
    asked = [groups[name] for name in requested_groups(grant) if name in groups]
    late = [each for each in asked if now >= grant.created_at + each.escalates_after_seconds]
    further = [groups[each.escalates_to] for each in late if each.escalates_to in groups]
    return tuple(sorted({each.channel for each in (*asked, *further) if each.channel}))
