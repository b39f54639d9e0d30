"""The reviewer groups with the delegations in force (REV 6)."""

from jitney.core.review.reviewers import Groups
from jitney.handlers.ports import Ports


def current_reviewers(ports: Ports) -> Groups:
    """Return the reviewer groups with the delegations in force. Raises Problem."""
    groups = ports.config.reviewers
    if not any(group.delegates for group in groups.values()):
        return groups
    from jitney.core.review.out_of_office import with_delegates  # noqa: PLC0415 - only where groups have delegates

    return with_delegates(groups, ports.out_of_office.all(), ports.now())
