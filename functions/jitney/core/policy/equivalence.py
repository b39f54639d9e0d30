"""What policies can tell of an AWS action: those that look the same to them are put to them once.

Policies see its level, its name, its service and its risks, mostly by comparing them with a few literals. What differs
in none of these comparisons is the same to all policies.
"""

import json
from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple

import cedarpy

from jitney.core.actions import AccessLevel, Action
from jitney.core.policy.literals import ACTION_ATTRIBUTES, LEVEL, Literals


class ActionEquivalence(NamedTuple):
    """How far policies see: `levels` they tell apart by value, `names`, `services` and `risks` are what they name.

    `whole` are those of core.policy.literals.ACTION_ATTRIBUTES that they look at in other ways: these are told apart as they are.
    """

    levels: Mapping[AccessLevel, Hashable]
    names: frozenset[str]
    services: frozenset[str]
    risks: frozenset[str]
    whole: frozenset[str]

    def of(self, action: Action, risks: frozenset[str]) -> Hashable:
        """What policies can tell of an action with these risks: for equal answers they decide the same."""
        return (
            action.level if LEVEL in self.whole else self.levels[action.level],
            action.name if "action" in self.whole or action.name in self.names else "",
            action.service if "service" in self.whole or action.service in self.services else "",
            risks if "risks" in self.whole else risks & self.risks,
        )


def action_equivalence(policies: Iterable[Literals], schema: cedarpy.Schema) -> ActionEquivalence:
    """How far policies see together."""
    found = tuple(policies)
    return ActionEquivalence(
        levels=_levels(sorted({name for each in found for name in each.actions}), schema),
        names=frozenset(name for each in found for name in each.names.get("action", ())),
        services=frozenset(name for each in found for name in each.names.get("service", ())),
        risks=frozenset(name for each in found for name in each.risks),
        whole=frozenset(name for each in found for name in each.whole) & ACTION_ATTRIBUTES,
    )


# Of the schema's types; what it says does not matter, as nothing looks at it.
_CONTEXT = {
    "action": "",
    "service": "",
    "target": "",
    "durationSeconds": 0,
    "approvals": [],
    "risks": [],
    "onBehalfOfHuman": False,
}


def _levels(names: Iterable[str], schema: cedarpy.Schema) -> Mapping[AccessLevel, Hashable]:
    """By which of these names, of levels or of groups of them, each level goes.

    Only Cedar reads the schema, which says what the groups are: it is asked, by a policy for each name.
    """
    scopes = "".join(f"permit (principal, action in Jitney::Action::{json.dumps(name)}, resource);" for name in names)
    requests = [
        {
            "principal": {"type": "Jitney::Agent", "id": ""},
            "action": {"type": "Jitney::Action", "id": level},
            "resource": {"type": "Jitney::Resource", "id": ""},
            "context": json.dumps(_CONTEXT),
        }
        for level in AccessLevel
    ]
    told = cedarpy.is_authorized_batch(requests, cedarpy.PolicySet.from_str(scopes), [], schema)
    return {
        level: level if result.diagnostics.errors else frozenset(result.diagnostics.reasons)
        for level, result in zip(AccessLevel, told, strict=True)
    }
