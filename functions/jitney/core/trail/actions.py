"""Which IAM actions authorize what a CloudTrail event tells of: by the table of operations."""

from collections.abc import Mapping
from typing import Any

from jitney.core.calls.operations import OperationTable, RequiredAction
from jitney.core.masking.table import MaskTable
from jitney.core.trail.call import ActionsOf


def actions_of(operations: OperationTable, masks: MaskTable) -> ActionsOf:
    """Looks up actions: an operation's own, as its parameters make them. `masks` knows what events call services."""

    def actions(source: str, name: str, asked: Mapping[str, Any]) -> tuple[str, ...]:
        given = {member.lower() for member in asked}
        for service, operation in masks.operations_of_event(source, name):
            needs = operations.needs_of(service, operation)
            found = tuple(each.action for each in needs if not each.why and _applies(each, given))
            if found:
                return found
        return (f"{source.removesuffix('.amazonaws.com')}:{name}",)

    return actions


def _applies(need: RequiredAction, given: set[str]) -> bool:
    return not need.when or any(_says(each, given) for each in need.when.split())


def _says(condition: str, given: set[str]) -> bool:
    """Whether an event may meet a condition. What reading a parameter would find is not in all events."""
    member = condition.removeprefix("!").lower()
    return "|" in member or (member in given) is not condition.startswith("!")
