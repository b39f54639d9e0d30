"""The channels that show a request: those of its reviewer groups (row REV 6). Pure."""

from jitney.core.access.grant import Grant
from jitney.core.review.reviewers import Groups, approving_groups, requested_groups


def channels(grant: Grant, groups: Groups, now: int) -> tuple[str, ...]:
    """Return the channels of the requested groups and their escalations due by `now`, sorted, without duplicates."""
    asked = {each for name in requested_groups(grant) for each in approving_groups(name, grant, groups, now)}
    return tuple(sorted({groups[each].channel for each in asked} - {""}))
