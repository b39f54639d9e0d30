"""Which IAM actions authorize what a CloudTrail event tells of: by the table of operations."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.calls.table import Need, Operations
from core.masking.table import Masks
from core.trail.call import ActionsOf


def actions_of(operations: Operations, masks: Masks) -> ActionsOf:
    """Looks up actions: an operation's own, as its parameters make them. `masks` knows what events call services."""

    def actions(source: str, name: str, asked: Mapping[str, Any]) -> tuple[str, ...]:
        given = {member.lower() for member in asked}
        for service, operation in masks.named_by_event(source, name):
            needs = operations.needs_of(service, operation)
            found = tuple(each.action for each in needs if not each.why and _applies(each, given))
            if found:
                return found
        return (f"{source.removesuffix('.amazonaws.com')}:{name}",)

    return actions


def _applies(need: Need, given: Sequence[str] | set[str]) -> bool:
    member = need.when.removeprefix("!").lower()
    return not member or (member in given) is not need.when.startswith("!")
