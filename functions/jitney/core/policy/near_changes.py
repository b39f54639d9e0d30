"""The requests whose answers a change of policies can change: those about a changed policy and some permit.

A request that no permit permits is denied by both versions. So a request is of interest only if a changed policy may
apply to it, and a permit of one version too. Of a whole space, such requests are few.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, TypeVar

from jitney.core.access.request import Way
from jitney.core.actions import ActionTable
from jitney.core.identity.principal import ClaimTags
from jitney.core.patterns import has_wildcard
from jitney.core.policy.decision_space import DecisionSpace, SpaceRequest
from jitney.core.policy.entities import claim_record
from jitney.core.policy.expressions import PRINCIPAL, RESOURCE
from jitney.core.policy.known_conditions import (
    Facts,
    attribute_facts,
    context_facts,
    joined_facts,
    may_hold,
    parent_facts,
    tag_facts,
)
from jitney.core.policy.literals import read_policy
from jitney.core.policy.scope_levels import levels_of
from jitney.core.policy.space_scopes import SpaceScope

_Policy = Mapping[str, Any]
_Chosen = TypeVar("_Chosen")
_MOST_GROUP_SETS = 4
"""How many sets of groups are tried for each pair of policies, the smallest first."""


def near_changes(
    space: DecisionSpace, changed: Sequence[_Policy], permits: Sequence[_Policy], actions: ActionTable, most: int
) -> Iterator[SpaceRequest]:
    """Yield up to `most` requests of `space` about each pair of a changed policy and a permit, both in JSON form."""
    scopes = {id(each): _scopes(space, each, actions) for each in (*changed, *permits)}
    parts = [
        _part(space, (policy, permit), both)
        for policy in changed
        for permit in ([policy] if policy["effect"] == "permit" else permits)
        if (both := scopes[id(policy)] & scopes[id(permit)])
    ]
    share = max(1, most // len(parts)) if parts else 0
    return chain.from_iterable(part.walk(share) for part in parts)


def _scopes(space: DecisionSpace, policy: _Policy, actions: ActionTable) -> frozenset[int]:
    """Return the places of the scopes that the policy may be about."""
    levels = levels_of(read_policy(policy))

    def may_be(asked: SpaceScope) -> bool:
        action = actions.get(asked.permission.actions[0]) if asked.permission else None
        return (action is None or action.level in levels) and may_hold(policy, _scope_facts(asked))

    return frozenset(place for place, each in enumerate(space.scopes) if may_be(each))


def _part(space: DecisionSpace, both: tuple[_Policy, _Policy], places: frozenset[int]) -> DecisionSpace:
    def kept(values: Sequence[_Chosen], facts: Callable[[_Chosen], Facts]) -> Sequence[_Chosen]:
        return [each for each in values if all(_may_be(policy, facts(each)) for policy in both)] or values

    return replace(
        space,
        scopes=sorted((space.scopes[place] for place in sorted(places)), key=_is_less_certain),
        groups=sorted(kept(space.groups, _group_facts), key=len)[:_MOST_GROUP_SETS],
        claims=kept(space.claims, _claim_facts),
        seconds=kept(space.seconds, lambda seconds: context_facts({"durationSeconds": seconds})),
        targets=kept(space.targets, _target_facts),
        time_windows=kept(space.time_windows, lambda windows: context_facts({"timeWindows": sorted(windows)})),
        ways=kept(space.ways, _way_facts),
        humans=kept(space.humans, lambda human: context_facts({"onBehalfOfHuman": human is not None})),
        kinds=kept(space.kinds, lambda kind: attribute_facts(PRINCIPAL, {"kind": kind})),
        names=kept(space.names, lambda name: attribute_facts(PRINCIPAL, {"subject": name})),
        issuers=kept(space.issuers, lambda issuer: attribute_facts(PRINCIPAL, {"issuer": issuer})),
    )


def _is_less_certain(asked: SpaceScope) -> bool:
    """Return whether it is not known which resources the request names, or whether it is about a call."""
    return bool(asked.operation) or asked.permission is None or has_wildcard(asked.permission.resources[0])


def _may_be(policy: _Policy, facts: Facts) -> bool:
    """Return whether the policy may apply, by its scope and its conditions."""
    scopes = (("principal", PRINCIPAL), ("resource", RESOURCE))
    entities = ((variable, _entity(policy[name])) for name, variable in scopes)
    inside = all(facts("in", {"left": var, "right": each}) is not False for var, each in entities if each)
    return inside and may_hold(policy, facts)


def _entity(scope: Mapping[str, Any]) -> Mapping[str, Any] | None:
    entity = scope.get("in", {}).get("entity") or (scope.get("entity") if scope["op"] == "in" else None)
    return {"Value": {"__entity": entity}} if entity else None


def _scope_facts(asked: SpaceScope) -> Facts:
    """Return what is known of a request for this. A whole profile has many actions and resources, so none is known."""
    if asked.permission is None:
        return context_facts({"accessProfile": asked.profile})
    (action,), (arn,) = asked.permission.actions, asked.permission.resources
    known = context_facts({"accessProfile": asked.profile, "action": action, "service": action.partition(":")[0]})
    return known if has_wildcard(arn) else joined_facts(known, attribute_facts(RESOURCE, {"arn": arn}))


def _group_facts(groups: frozenset[str]) -> Facts:
    return parent_facts(PRINCIPAL, lambda entity: entity.id in groups if entity.type == "Jitney::Group" else None)


def _target_facts(alias: str) -> Facts:
    inside = parent_facts(RESOURCE, lambda entity: entity.id == alias if entity.type == "Jitney::Target" else None)
    return joined_facts(inside, context_facts({"target": alias}))


def _claim_facts(claims: ClaimTags) -> Facts:
    return tag_facts(PRINCIPAL, {name: claim_record(value) for name, value in claims})


def _way_facts(way: tuple[Way, bool]) -> Facts:
    return context_facts({"way": way[0].value, "reveal": way[1]})
