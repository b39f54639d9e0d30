"""The reviewer groups as they are now: with those who stand in for members that are away (REV 6)."""

from jitney.core.review.reviewers import Groups
from jitney.handlers.ports import Ports


def current_reviewers(ports: Ports) -> Groups:
    """The reviewer groups as they are now, with those who stand in for members that are away. Raises Problem."""
    groups = ports.config.reviewers
    if not any(group.delegates for group in groups.values()):
        return groups
    from jitney.core.review.out_of_office import with_delegates  # noqa: PLC0415 - nobody is away where nobody can stand in

    return with_delegates(groups, ports.out_of_office.kept(), ports.now())
