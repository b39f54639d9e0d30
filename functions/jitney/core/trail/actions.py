"""Finds the IAM actions that authorize the operation in a CloudTrail event."""

from collections.abc import Mapping
from typing import Any

from jitney.core.calls.operations import OperationTable, RequiredAction
from jitney.core.masking.table import MaskTable
from jitney.core.trail.call import ActionsOf


def actions_of(operations: OperationTable, masks: MaskTable) -> ActionsOf:
    """Return a lookup of an event's actions. `masks` maps an event's source to botocore's services."""

    def actions(source: str, name: str, parameters: Mapping[str, Any]) -> tuple[str, ...]:
        given = {member.lower() for member in parameters}
        for service, operation in masks.operations_of_event(source, name):
            needs = operations.needs_of(service, operation)
            found = tuple(each.action for each in needs if not each.why and _applies(each, given))
            if found:
                return found
        return (f"{source.removesuffix('.amazonaws.com')}:{name}",)

    return actions


def _applies(need: RequiredAction, given: set[str]) -> bool:
    return not need.when or any(_may_meet(each, given) for each in need.when.split())


def _may_meet(condition: str, given: set[str]) -> bool:
    """Return whether an event may meet a condition.

    A condition on a value always may, because events omit parameters.
    """
    member = condition.removeprefix("!").lower()
    return "|" in member or (member in given) is not condition.startswith("!")
