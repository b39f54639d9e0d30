"""The access request: what an agent wants to do, on which target, for how long and why."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

from jitney.core.access.conditions import Conditions, conditions_view
from jitney.core.access_profile import GrantedProfile


class Way(StrEnum):
    """How an agent uses a grant: with credentials of its own, or by calls that the broker makes for it."""

    CREDENTIALS = "credentials"
    GATEWAY = "gateway"


class GrantedPair(NamedTuple):
    """One action on one resource, for calls that satisfy `conditions`."""

    action: str
    resource: str
    conditions: Conditions


@dataclass(frozen=True, slots=True)
class Permission:
    """A request for each of `actions` on each of `resources`, for calls that satisfy all `conditions`.

    Actions are `service:Name`, and the name may contain `*` and `?`. Resources are ARNs, which may contain wildcards,
    or "*". Without conditions, the request is for all calls.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Conditions = ()

    def pairs(self) -> Iterator[GrantedPair]:
        """Yield every action with every resource."""
        return (
            GrantedPair(action, resource, self.conditions) for action in self.actions for resource in self.resources
        )


class AccessNames(NamedTuple):
    """The actions and resources that permissions name, sorted. They do not say which action is on which resource."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]


class RequestedAccess(NamedTuple):
    """What an agent requested. It is stored with a grant that gives only a part of it."""

    permissions: tuple[Permission, ...]
    duration_seconds: int


class PossibleAction(NamedTuple):
    """An action that a call may need, and why. It is not requested, because no parameter shows whether it is needed."""

    action: str
    why: str


class ExplainedAction(NamedTuple):
    """One action that a call needs, the resources and conditions to request it with, and why.

    `call` is the call as records may show it. Only the values that name resources are visible. `may_need` are the
    further actions that the call may need. The first action of a call has them.
    """

    call: str
    action: str
    resources: tuple[str, ...]
    why: str
    conditions: Conditions = ()
    may_need: tuple[PossibleAction, ...] = ()

    def view(self) -> dict[str, Any]:
        """Return the explanation as the API shows it. `conditions` is left out if there are none."""
        shown: dict[str, Any] = {"call": self.call, "action": self.action, "resources": list(self.resources)}
        shown |= {"why": self.why, "may_need": [each._asdict() for each in self.may_need]}
        return shown | ({"conditions": conditions_view(self.conditions)} if self.conditions else {})


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A request for access. `duration_seconds` counts from the moment when credentials may first be issued.

    `explanation` says which permissions each call of the request needs. It is empty for a request without calls. `body`
    is the masked body that was sent, by which a repeated request is recognized. The permissions lie within
    `access_profile`, if set. `reveal` asks for answers through the gateway in which sensitive values are not masked.
    AWS access keys are masked always.

    `changed` says what differs from a request that reviewers rejected before.

    `operation` is set if the request is about one call through the gateway: botocore's names of its service and
    operation, as "s3:DeleteObject". Policies then decide about this call, in a grant that they allowed before.
    `grant_approvals` are the approvals of that grant. Raises ValueError for approvals without an operation.

    The first credentials end after `credential_seconds`, if set, or else with the grant. They can be renewed.
    """

    target: str
    permissions: tuple[Permission, ...]
    duration_seconds: int
    reason: str
    ticket: str
    explanation: tuple[ExplainedAction, ...] = ()
    body: bytes = field(default=b"", repr=False)
    access_profile: GrantedProfile | None = None
    way: Way = Way.CREDENTIALS
    reveal: bool = False
    operation: str = ""
    grant_approvals: frozenset[str] = frozenset()
    changed: str = ""
    credential_seconds: int | None = None

    def __post_init__(self) -> None:
        if self.grant_approvals and not self.operation:
            raise ValueError("approvals of a grant count only for a call in it, which needs an operation")

    def in_other_way(self) -> "AccessRequest":
        """Return the same request in the other way, without reveal."""
        other = Way.CREDENTIALS if self.way is Way.GATEWAY else Way.GATEWAY
        return replace(self, way=other, reveal=False)

    def for_call(
        self, permissions: tuple[Permission, ...], service: str, operation: str, grant_approvals: frozenset[str]
    ) -> "AccessRequest":
        """Return the request for one call that needs `permissions`, in the grant of this request."""
        return replace(
            self, permissions=permissions, operation=f"{service}:{operation}", grant_approvals=grant_approvals
        )


def permissions_of(explained: Iterable[ExplainedAction]) -> tuple[Permission, ...]:
    """Return the explained permissions without duplicates, as `shared_permissions` does."""
    return shared_permissions((each.action, each.resources, each.conditions) for each in explained)


def shared_permissions(granted: Iterable[tuple[str, tuple[str, ...], Conditions]]) -> tuple[Permission, ...]:
    """Return actions with their resources and conditions as permissions, in the same order.

    Actions on the same resources with the same conditions share one permission.
    """
    actions: dict[tuple[tuple[str, ...], Conditions], dict[str, None]] = {}
    for action, resources, conditions in granted:
        actions.setdefault((resources, conditions), {})[action] = None
    return tuple(Permission(tuple(names), *limits) for limits, names in actions.items())


def names_of(permissions: Iterable[Permission]) -> AccessNames:
    """Return the actions and the resources that permissions name."""
    every = tuple(permissions)
    actions = {name for each in every for name in each.actions}
    return AccessNames(tuple(sorted(actions)), tuple(sorted({arn for each in every for arn in each.resources})))


def permissions_view(permissions: tuple[Permission, ...]) -> list[dict[str, Any]]:
    """Return permissions as the API shows them, in the form of a request. `conditions` is left out if it is empty."""
    return [
        {"actions": list(each.actions), "resources": list(each.resources)}
        | ({"conditions": conditions_view(each.conditions)} if each.conditions else {})
        for each in permissions
    ]
