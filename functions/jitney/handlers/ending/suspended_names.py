"""The name that an operator means to suspend: configured, of an open grant, or suspended already."""

from collections.abc import Iterator
from itertools import islice

from jitney.core.access.grant import Grant
from jitney.core.access.suspension_entry import SuspensionKind, SuspensionRequest
from jitney.core.access.suspension_names import SuspendedName, configured_name, present_name, seen_name
from jitney.core.identity.principal import owner_key
from jitney.core.stored_identity import identity_of
from jitney.core.target_roles import first_roles
from jitney.handlers.ending.suspended_grants import FAR_FUTURE
from jitney.handlers.runtime.ports import Ports

MOST_READ, MOST_READ_MILLISECONDS = 2000, 3000
"""Limits of the open grants that are read to find a name."""


def suspended_name(asked: SuspensionRequest, ports: Ports) -> SuspendedName:
    """Return the name to suspend. Raises Problem suspension_name_unknown.

    A suspension that is in force is known by its name, although its grants have ended. So its call can be repeated.
    """
    config = ports.config
    if name := configured_name(asked, config):
        return name
    present = present_name(asked, config)
    if same := ports.suspensions.current().of(asked.kind, asked.name, present.issuer if present else ""):
        return SuspendedName(same.name, same.role, same.issuer)
    if (
        present
        and asked.kind is SuspensionKind.AGENT
        and ports.store.grants_of(owner_key(identity_of(present.name, present.issuer), None))[0]
    ):
        return present
    return seen_name(asked, config, _open_grants(ports))


def _open_grants(ports: Ports) -> Iterator[Grant]:
    """Yield open grants of every target, and of removed ones, within limits of number and time."""
    began, targets = ports.stopwatch(), ports.config.targets.values()
    for role_arn in first_roles([each.role_arn for each in targets], ports.deny_list.seen_roles()):
        for grant in islice(ports.store.open_grants(role_arn, FAR_FUTURE), MOST_READ):
            if ports.stopwatch() - began > MOST_READ_MILLISECONDS:
                return
            yield grant
