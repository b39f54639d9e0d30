"""The permits of a policy set, with the literals that each one compares requests with.

Each literal with which a permit compares resources is a proposal: policies may permit what matches it. Only a decision
shows whether they do. Literals of forbids propose nothing, because they say what is protected.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Self, TypeAlias

import cedarpy

from jitney.core.access.conditions import Condition, key_of
from jitney.core.actions import AccessLevel
from jitney.core.config import Policies
from jitney.core.identity.principal import Principal
from jitney.core.patterns import Pattern
from jitney.core.policy.cedar import parsed_schema
from jitney.core.policy.entities import principal_entity, resource_entity, target_entity, uid
from jitney.core.policy.equivalence import EMPTY_CONTEXT
from jitney.core.policy.literals import Literals, read_policy
from jitney.core.policy.pattern_text import wildcard_text
from jitney.core.target_config import Target

ANY_RESOURCE = "*"


class Permit(NamedTuple):
    """One permit: its id, the patterns and services that it names, and a condition for each value of a condition key.

    `services` include those of the AWS actions that it names.
    """

    id: str
    resources: tuple[Pattern, ...]
    services: frozenset[str]
    conditions: tuple[Condition, ...]


PermitScopes: TypeAlias = Mapping[AccessLevel, tuple[Permit, ...]]
"""Permits by the access levels in their scope."""


@dataclass(frozen=True, slots=True, eq=False)
class Permits:
    """The permits of a policy set by @id. `scopes` are the same permits without their conditions."""

    by_id: Mapping[str, Permit]
    scopes: cedarpy.PolicySet
    schema: cedarpy.Schema

    @classmethod
    def load(cls, source: Policies) -> Self:
        """Return the permits in valid policies."""
        document = json.loads(cedarpy.policies_to_json_str(source.text))
        permits = {key: each for key, each in document["staticPolicies"].items() if each["effect"] == "permit"}
        scopes = {key: {**each, "resource": _wide(each["resource"]), "conditions": []} for key, each in permits.items()}
        text = cedarpy.policies_from_json_str(json.dumps({**document, "staticPolicies": scopes}))
        found = [_permit(each) for each in permits.values()]
        schema = parsed_schema(source.schema)
        return cls({each.id: each for each in found}, cedarpy.PolicySet.from_str(text), schema)

    def in_scope(self, principal: Principal, target: Target) -> PermitScopes:
        """Return the permits whose scope has the principal and the target, by access level.

        Their conditions are not evaluated.
        """
        resource = resource_entity(ANY_RESOURCE, target, wildcard=False)
        entities = [principal_entity(principal), target_entity(target), resource]
        requests = [
            {
                "principal": uid(principal.kind.capitalize(), principal.source_identity),
                "action": uid("Action", level),
                "resource": uid("Resource", ANY_RESOURCE),
                "context": json.dumps(EMPTY_CONTEXT),
            }
            for level in AccessLevel
        ]
        loaded = cedarpy.Entities.from_json_str(json.dumps(entities), self.schema)
        results = cedarpy.is_authorized_batch(requests, self.scopes, loaded, self.schema)
        return {
            level: tuple(self.by_id[name] for name in sorted(result.diagnostics.id_annotations_by_reason.values()))
            for level, result in zip(AccessLevel, results, strict=True)
            if result.allowed
        }


@lru_cache(maxsize=4)
def permits_of(source: Policies) -> Permits:
    """Return the permits in valid policies. The result is cached."""
    return Permits.load(source)


def _wide(scope: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the scope for resources.

    A single resource is left out, because it is a literal like those of conditions.
    """
    return {"op": "All"} if scope.get("entity", {}).get("type") == "Jitney::Resource" else scope


def _permit(policy: Mapping[str, Any]) -> Permit:
    found = read_policy(policy)
    named = {name.partition(":")[0] for name in found.names.get("action", ())}
    return Permit(
        policy["annotations"]["id"],
        tuple(found.resources),
        frozenset(found.names.get("service", set()) | named),
        tuple(dict.fromkeys(_conditions(found))),
    )


def _conditions(found: Literals) -> Iterator[Condition]:
    """Yield a condition for each literal with which a condition key is compared, if a request can have it."""
    for name, patterns in found.call.texts.items():
        yield from _valid(name, (text for pattern in patterns if (text := wildcard_text(pattern))))
    for name, numbers in found.call.numbers.items():
        yield from _valid(name, map(str, sorted(numbers)))


def _valid(name: str, values: Iterable[str]) -> Iterator[Condition]:
    kind = key_of(name)
    for value in values if kind else ():
        try:
            yield Condition(name, (value,))
        except ValueError:
            continue  # no request can have this value
