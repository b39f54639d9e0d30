"""Finds AWS actions that policies cannot distinguish, so that they are evaluated once.

Policies see an action's level, name, service and risks, and mostly compare them with a few literals. They cannot
distinguish two actions for which all these comparisons have the same result. Policies also see the condition keys of
calls, which are evaluated separately (core.policy.condition_witnesses).
"""

import json
from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple

import cedarpy

from jitney.core.actions import AccessLevel, Action
from jitney.core.policy.literals import ACTION_ATTRIBUTES, LEVEL, Literals


class ActionEquivalence(NamedTuple):
    """What policies can distinguish: levels, and the `names`, `services` and `risks` that they name.

    `levels` has equal values for levels that policies cannot distinguish. `by_value` are the attributes that policies
    do not only compare with literals (some of core.policy.literals.ACTION_ATTRIBUTES). Each value of these attributes
    counts as different.
    """

    levels: Mapping[AccessLevel, Hashable]
    names: frozenset[str]
    services: frozenset[str]
    risks: frozenset[str]
    by_value: frozenset[str]

    def key_of(self, action: Action, risks: frozenset[str]) -> Hashable:
        """Return the key of an action with these risks. Actions with equal keys get equal decisions."""
        return (
            action.level if LEVEL in self.by_value else self.levels[action.level],
            action.name if "action" in self.by_value or action.name in self.names else "",
            action.service if "service" in self.by_value or action.service in self.services else "",
            risks if "risks" in self.by_value else risks & self.risks,
        )


def action_equivalence(policies: Iterable[Literals], schema: cedarpy.Schema) -> ActionEquivalence:
    """Return what at least one of the policies can distinguish."""
    found = tuple(policies)
    return ActionEquivalence(
        levels=_levels(sorted({name for each in found for name in each.actions}), schema),
        names=frozenset(name for each in found for name in each.names.get("action", ())),
        services=frozenset(name for each in found for name in each.names.get("service", ())),
        risks=frozenset(name for each in found for name in each.risks),
        by_value=frozenset(name for each in found for name in each.by_value) & ACTION_ATTRIBUTES,
    )


# A context that fits the schema, for policies without conditions.
EMPTY_CONTEXT = {
    "action": "",
    "service": "",
    "target": "",
    "durationSeconds": 0,
    "approvals": [],
    "earlierApprovals": [],
    "risks": [],
    "timeWindows": [],
    "onBehalfOfHuman": False,
    "call": {"__entity": {"type": "Jitney::Call", "id": ""}},
    "accessProfile": "",
    "way": "",
    "reveal": False,
}


def _levels(names: Iterable[str], schema: cedarpy.Schema) -> Mapping[AccessLevel, Hashable]:
    """Return, for each level, which of `names` (of levels or of groups of levels) contain it.

    Only Cedar reads the schema, which defines the groups. So a policy is evaluated for each name.
    """
    scopes = "".join(f"permit (principal, action in Jitney::Action::{json.dumps(name)}, resource);" for name in names)
    requests = [
        {
            "principal": {"type": "Jitney::Agent", "id": ""},
            "action": {"type": "Jitney::Action", "id": level},
            "resource": {"type": "Jitney::Resource", "id": ""},
            "context": json.dumps(EMPTY_CONTEXT),
        }
        for level in AccessLevel
    ]
    results = cedarpy.is_authorized_batch(requests, cedarpy.PolicySet.from_str(scopes), [], schema)
    return {
        level: level if result.diagnostics.errors else frozenset(result.diagnostics.reasons)
        for level, result in zip(AccessLevel, results, strict=True)
    }
