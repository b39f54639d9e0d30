"""Which AWS actions look the same to the policies: such actions are evaluated once.

Policies see an action's level, name, service and risks, and mostly compare them with a few literals. Actions that
differ in none of these comparisons look the same to all policies.
"""

import json
from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple

import cedarpy

from jitney.core.actions import AccessLevel, Action
from jitney.core.policy.literals import ACTION_ATTRIBUTES, LEVEL, Literals


class ActionEquivalence(NamedTuple):
    """What policies distinguish: `levels` by value, and the `names`, `services` and `risks` that they name.

    `by_value` are those of core.policy.literals.ACTION_ATTRIBUTES that policies use other than by comparing them with
    literals: each value of these is distinct.
    """

    levels: Mapping[AccessLevel, Hashable]
    names: frozenset[str]
    services: frozenset[str]
    risks: frozenset[str]
    by_value: frozenset[str]

    def key_of(self, action: Action, risks: frozenset[str]) -> Hashable:
        """Return the key under which policies see an action with these risks. Equal keys get equal decisions."""
        return (
            action.level if LEVEL in self.by_value else self.levels[action.level],
            action.name if "action" in self.by_value or action.name in self.names else "",
            action.service if "service" in self.by_value or action.service in self.services else "",
            risks if "risks" in self.by_value else risks & self.risks,
        )


def action_equivalence(policies: Iterable[Literals], schema: cedarpy.Schema) -> ActionEquivalence:
    """Return what the policies together distinguish."""
    found = tuple(policies)
    return ActionEquivalence(
        levels=_levels(sorted({name for each in found for name in each.actions}), schema),
        names=frozenset(name for each in found for name in each.names.get("action", ())),
        services=frozenset(name for each in found for name in each.names.get("service", ())),
        risks=frozenset(name for each in found for name in each.risks),
        by_value=frozenset(name for each in found for name in each.by_value) & ACTION_ATTRIBUTES,
    )


# Fits the schema. The values do not matter, because no condition reads them.
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
    """Return, for each level, which of these names (of levels or groups of levels) contain it.

    Only Cedar reads the schema, which defines the groups. So Cedar evaluates one policy for each name.
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
    results = cedarpy.is_authorized_batch(requests, cedarpy.PolicySet.from_str(scopes), [], schema)
    return {
        level: level if result.diagnostics.errors else frozenset(result.diagnostics.reasons)
        for level, result in zip(AccessLevel, results, strict=True)
    }
