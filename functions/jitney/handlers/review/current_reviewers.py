"""The reviewer groups with the delegations in force, without suspended people (REV 6, END 8)."""

from jitney.core.access.suspensions import Suspensions
from jitney.core.review.reviewers import Groups, without_suspended
from jitney.handlers.runtime.ports import Ports


def current_reviewers(ports: Ports, suspensions: Suspensions) -> Groups:
    """Return the reviewer groups with the delegations in force, without suspended people. Raises Problem."""
    return without_suspended(_with_delegates(ports), suspensions, ports.config)


def _with_delegates(ports: Ports) -> Groups:
    groups = ports.config.reviewers
    if not any(group.delegates for group in groups.values()):
        return groups
    from jitney.core.review.out_of_office import with_delegates  # noqa: PLC0415 - only where groups have delegates

    return with_delegates(ports.config, ports.out_of_office.all(), ports.now())
