"""The access request: what an agent wants to do, on which target, for how long and why."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Permission:
    """Actions that are asked on resources: every action on every resource.

    Actions are `service:Name`, a name may hold `*` and `?`; resources are ARNs that may hold `*` and `?`, or "*".
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """What was asked. `duration_seconds` counts from the moment that credentials may first be issued."""

    target: str
    permissions: tuple[Permission, ...]
    duration_seconds: int
    reason: str
    ticket: str
