"""Finds the IAM actions that authorize the operation in a CloudTrail event."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from jitney.core.calls.operations import NeedsVariant, Operation, OperationTable, RequiredAction
from jitney.core.masking.table import MaskTable

ONE_OF_SEVERAL = frozenset(
    {("dynamodb", "BatchExecuteStatement"), ("dynamodb", "ExecuteTransaction"), ("s3", "DeleteObjects")}
)
"""The operations that need only some of their actions, depending on statements and lists that events leave out."""


class EventOperation(NamedTuple):
    """The needs of an event's operation.

    `operation` is None and `needs` is () for an operation that the table does not know. A need with a reason (`why`) is
    left out if there are needs without one, because events do not show whether the reason applies. `variants` are the
    needs for other kinds of resources.
    """

    operation: Operation | None
    needs: tuple[RequiredAction, ...]
    variants: tuple[NeedsVariant, ...]
    names: tuple[str, ...]
    """The possible actions of an unknown operation, by the names in the event.

    Events may spell services differently.
    """


@dataclass(frozen=True, slots=True)
class EventOperations:
    """Finds the operations of events. `masks` maps an event's source to botocore's services."""

    operations: OperationTable
    masks: MaskTable
    _known: dict[tuple[str, str], EventOperation] = field(default_factory=dict)

    def of(self, service: str, name: str) -> EventOperation:
        """Return what the operation of an event needs. `service` is the event's source without its domain."""
        if (service, name) not in self._known:
            self._known[service, name] = self._found(service, name)
        return self._known[service, name]

    def actions(self, source: str, name: str, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the actions that authorize an event's operation, at least one. See `ActionsOf`."""
        found = self.of(source.removesuffix(".amazonaws.com"), name)
        if not found.needs:
            return found.names[:1]
        given = {member.lower() for member in parameters}
        applying = [each for each in found.needs if may_apply(each, given)]
        certain = [each for each in applying if not (each.why and depends_on_values(each))]
        return tuple(dict.fromkeys(each.action for each in certain or applying)) or found.names[:1]

    def _found(self, service: str, name: str) -> EventOperation:
        possible = self.masks.operations_of_event(f"{service}.amazonaws.com", name)
        names = [f"{prefix}:{each}" for prefix, each in ((service, name), *((service, each) for _, each in possible))]
        names += [f"{prefix}:{each}" for prefix, each in possible]
        for prefix, each in possible:
            if self.operations.needs_of(prefix, each):
                operation = self.operations.service(prefix).operation(each)
                own = {need.action for need in operation.needs if not need.why}
                seen = tuple(need for need in operation.needs if need.action in own)
                needs = operation.needs if (service, name) in ONE_OF_SEVERAL else seen or operation.needs
                variants = tuple(variant for variant in operation.variants if variant.needs)
                return EventOperation(operation, needs, variants, tuple(dict.fromkeys(names)))
        return EventOperation(None, (), (), tuple(dict.fromkeys(names)))


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
