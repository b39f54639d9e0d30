"""The access request: what an agent wants to do, on which target, for how long and why."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Permission:
    """Actions that are asked on resources: every action on every resource.

    Actions are `service:Name`, a name may hold `*` and `?`; resources are ARNs that may hold `*` and `?`, or "*".
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Every action with every resource."""
        return itertools.product(self.actions, self.resources)


class ExplainedAction(NamedTuple):
    """One action that a call needs, the resources it is asked on, and why.

    `call` is the call as records may show it: with the values that the resources come from, and no others.
    """

    call: str
    action: str
    resources: tuple[str, ...]
    why: str

    def view(self) -> dict[str, Any]:
        """The explanation as the API shows it."""
        return {"call": self.call, "action": self.action, "resources": list(self.resources), "why": self.why}


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """What was asked. `duration_seconds` counts from the moment that credentials may first be issued.

    `explanation` says how `permissions` follow from the calls that were asked with, if they were asked so. `body` is
    what was sent, masked: who asks the same again sends the same.
    """

    target: str
    permissions: tuple[Permission, ...]
    duration_seconds: int
    reason: str
    ticket: str
    explanation: tuple[ExplainedAction, ...] = ()
    body: bytes = field(default=b"", repr=False)


def permissions_of(explained: Iterable[ExplainedAction]) -> tuple[Permission, ...]:
    """The permissions that were explained: actions on the same resources together, nothing twice."""
    actions: dict[tuple[str, ...], dict[str, None]] = {}
    for each in explained:
        actions.setdefault(each.resources, {})[each.action] = None
    return tuple(Permission(tuple(names), resources) for resources, names in actions.items())
