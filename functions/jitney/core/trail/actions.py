"""Finds the IAM actions that authorize the operation in a CloudTrail event."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jitney.core.actions import ActionTable
from jitney.core.calls.operations import NeedsVariant, Operation, OperationTable, RequiredAction
from jitney.core.masking.table import MaskTable
from jitney.core.trail.event_parameters import unwrapped

ONE_OF_SEVERAL = frozenset(
    {("dynamodb", "BatchExecuteStatement"), ("dynamodb", "ExecuteTransaction"), ("s3", "DeleteObjects")}
)
"""The operations that need only some of their actions, depending on statements and lists that events leave out."""

ACTIONS_WITHOUT_OPERATION: Mapping[tuple[str, str], str] = {
    ("elasticfilesystem", "NewClientConnection"): "elasticfilesystem:ClientMount",
    ("elasticfilesystem", "UpdateClientConnection"): "elasticfilesystem:ClientMount",
}
"""The actions that authorize events of sessions without an operation of an API.

https://docs.aws.amazon.com/efs/latest/ug/logging-using-cloudtrail.html
"""


class EventOperation(NamedTuple):
    """The needs of an operation that an event may be about.

    `operation` is None and `needs` is () for an operation that the table does not know. A need with a reason (`why`) is
    left out if there are needs without one, because events do not show whether the reason applies. If every need has a
    reason, those of other services are left out. `variants` are the needs for other kinds of resources.
    """

    operation: Operation | None
    needs: tuple[RequiredAction, ...]
    variants: tuple[NeedsVariant, ...]
    names: tuple[str, ...]
    """The possible actions of an unknown operation, by the names in the event. Actions that exist come first.

    Events may spell services differently.
    """

    def actions(self, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the actions that authorize the operation with an event's parameters, at least one."""
        given = set(unwrapped(parameters, self.operation))
        applying = [each for each in self.needs if may_apply(each, given)]
        certain = [each for each in applying if not (each.why and depends_on_values(each))]
        return tuple(dict.fromkeys(each.action for each in certain or applying)) or self.names[:1]

    def count_unknown(self, parameters: Mapping[str, Any]) -> int:
        """Return how many of an event's parameters the operation does not have."""
        members = {member.name.lower() for member in self.operation.members} if self.operation else set()
        return len(unwrapped(parameters, self.operation).keys() - members)

    @property
    def prefix(self) -> str:
        """IAM's prefix of the operation's own action."""
        return (self.needs[0].action if self.needs else self.names[0]).partition(":")[0]


@dataclass(frozen=True, slots=True)
class EventOperations:
    """Finds the operations of events. `masks` maps an event's source to botocore's services."""

    operations: OperationTable
    masks: MaskTable
    action_table: ActionTable
    _known: dict[tuple[str, str], tuple[EventOperation, ...]] = field(default_factory=dict)

    def of(self, service: str, name: str, parameters: Callable[[], Mapping[str, Any]]) -> tuple[EventOperation, ...]:
        """Return the operations that an event may be about, at least one. `service` is its source without the domain.

        Services can share a source and a name: CreateLoadBalancer creates a classic load balancer or another one. Then
        only the operations with the fewest unknown `parameters` are returned.
        """
        if (service, name) not in self._known:
            self._known[service, name] = tuple(self._found(service, name))
        possible = self._known[service, name]
        return possible if len(possible) == 1 else tuple(_best_fits(possible, parameters()))

    def actions(self, source: str, name: str, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the actions that authorize an event's operation, at least one. See `ActionsOf`."""
        found = self.of(source.removesuffix(".amazonaws.com"), name, lambda: parameters)
        return tuple(dict.fromkeys(action for each in found for action in each.actions(parameters)))

    def _found(self, service: str, name: str) -> Iterator[EventOperation]:
        possible = self.masks.operations_of_event(f"{service}.amazonaws.com", name)
        names = tuple(self._names(service, name, possible))
        known = [each for each in possible if self.operations.needs_of(*each)]
        for prefix, each in known:
            operation = self.operations.service(prefix).operation(each)
            own = {need.action for need in operation.needs if not need.why} or _of_first_service(operation.needs)
            seen = tuple(need for need in operation.needs if need.action in own)
            needs = operation.needs if (service, name) in ONE_OF_SEVERAL else seen
            variants = tuple(variant for variant in operation.variants if variant.needs)
            yield EventOperation(operation, needs, variants, names)
        if not known:
            yield EventOperation(None, (), (), names)

    def _names(self, service: str, name: str, possible: Iterable[tuple[str, str]]) -> Iterable[str]:
        pairs = [(service, name), *((service, each) for _, each in possible), *possible]
        if action := ACTIONS_WITHOUT_OPERATION.get((service, name)):
            return (action,)
        names = dict.fromkeys(f"{self.action_table.prefix_of(prefix)}:{each}" for prefix, each in pairs)
        return sorted(names, key=lambda each: self.action_table.get(each) is None)


def _of_first_service(needs: Sequence[RequiredAction]) -> set[str]:
    """Return the actions of the first need's service. The others, such as iam:PassRole, are further permissions."""
    prefix = needs[0].action.partition(":")[0]
    return {each.action for each in needs if each.action.startswith(f"{prefix}:")}


def _best_fits(possible: Sequence[EventOperation], parameters: Mapping[str, Any]) -> Iterator[EventOperation]:
    """Yield the operations with the fewest unknown parameters, if their actions have the first one's prefix.

    The prefix leaves out S3 on Outposts, whose operations on buckets have the same names and parameters.
    """
    unknown = [each.count_unknown(parameters) for each in possible]
    fewest = min(unknown)
    prefix = possible[unknown.index(fewest)].prefix
    yield from (each for each, count in zip(possible, unknown, strict=True) if (count, each.prefix) == (fewest, prefix))


def may_apply(need: RequiredAction, given: set[str]) -> bool:
    """Return whether the parameters of an event, by lower-case name, may meet the condition of a need."""
    return not need.when or any(_may_meet(each, given) for each in need.when.split())


def depends_on_values(need: RequiredAction) -> bool:
    """Return whether values decide about a need. Events omit values, so such a need is one of several possible ones."""
    return "|" in need.when


def _may_meet(condition: str, given: set[str]) -> bool:
    """Return whether an event may meet a condition.

    A condition on a value always may, because events omit parameters.
    """
    member = condition.removeprefix("!").lower()
    return "|" in member or (member in given) is not condition.startswith("!")
