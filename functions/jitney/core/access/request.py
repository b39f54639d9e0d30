"""The access request: what an agent wants to do, on which target, for how long and why."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Permission:
    """A request for each of `actions` on each of `resources`.

    Actions are `service:Name`, and the name may contain `*` and `?`. Resources are ARNs, which may contain wildcards,
    or "*".
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Return every action with every resource."""
        return itertools.product(self.actions, self.resources)


class ExplainedAction(NamedTuple):
    """One action that a call needs, the resources it is requested on, and why.

    `call` is the call as records may show it. Only the values that name resources are visible.
    """

    call: str
    action: str
    resources: tuple[str, ...]
    why: str

    def view(self) -> dict[str, Any]:
        """Return the explanation as the API shows it."""
        return {"call": self.call, "action": self.action, "resources": list(self.resources), "why": self.why}


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A request for access. `duration_seconds` counts from the moment when credentials may first be issued.

    `explanation` says which permissions each call of the request needs. It is empty for a request without calls. `body`
    is the masked body that was sent, by which a repeated request is recognized.
    """

    target: str
    permissions: tuple[Permission, ...]
    duration_seconds: int
    reason: str
    ticket: str
    explanation: tuple[ExplainedAction, ...] = ()
    body: bytes = field(default=b"", repr=False)


def permissions_of(explained: Iterable[ExplainedAction]) -> tuple[Permission, ...]:
    """Return the explained permissions without duplicates. Actions on the same resources share one permission."""
    actions: dict[tuple[str, ...], dict[str, None]] = {}
    for each in explained:
        actions.setdefault(each.resources, {})[each.action] = None
    return tuple(Permission(tuple(names), resources) for resources, names in actions.items())
