"""The access request: what an agent wants to do, on which target, for how long and why."""

from dataclasses import dataclass

from core.calls.call import Explained


@dataclass(frozen=True, slots=True)
class Permission:
    """Actions that are asked on resources: every action on every resource.

    Actions are `service:Name`, a name may hold `*` and `?`; resources are ARNs that may hold `*` and `?`, or "*".
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """What was asked. `duration_seconds` counts from the moment that credentials may first be issued.

    `explanation` says how `permissions` follow from the calls that were asked with, if they were asked so.
    """

    target: str
    permissions: tuple[Permission, ...]
    duration_seconds: int
    reason: str
    ticket: str
    explanation: tuple[Explained, ...] = ()
