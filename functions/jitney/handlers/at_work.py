"""The reviewer groups as they are now: with those who stand in for members that are away (REV 6)."""

from jitney.core.review.reviewers import Groups
from jitney.handlers.ports import Ports


def at_work(ports: Ports) -> Groups:
    """The reviewer groups as they are now, with those who stand in for members that are away. Raises Problem."""
    groups = ports.config.reviewers
    if not any(group.stand_ins for group in groups.values()):
        return groups
    from jitney.core.review.absences import present  # noqa: PLC0415 - nobody is away where nobody can stand in

    return present(groups, ports.absences.kept(), ports.now())
