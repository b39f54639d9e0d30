"""The requests whose answers a change of policies can change: those about a changed policy and some permit.

A request that no permit permits is denied by both versions. So a request is of interest only if a changed policy may
apply to it, and a permit of one version too. Of a whole space, such requests are few.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from operator import eq, ge, gt, le, lt, ne
from typing import Any, TypeVar

from jitney.core.access.request import Way
from jitney.core.actions import ActionTable
from jitney.core.identity.principal import ClaimTags
from jitney.core.patterns import has_wildcard
from jitney.core.policy.decision_space import DecisionSpace, SpaceRequest, SpaceScope
from jitney.core.policy.known_conditions import Facts, context_facts, may_hold
from jitney.core.policy.literals import read_policy
from jitney.core.policy.scope_levels import levels_of
from jitney.core.stored_identity import Identity

_Policy = Mapping[str, Any]
_Chosen = TypeVar("_Chosen")
_ORDERS: Mapping[str, Callable[[int, int], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne}
_PRINCIPAL, _RESOURCE = {"Var": "principal"}, {"Var": "resource"}
_SECONDS = {".": {"left": {"Var": "context"}, "attr": "durationSeconds"}}
_WINDOWS = {".": {"left": {"Var": "context"}, "attr": "timeWindows"}}
_ARN = {".": {"left": _RESOURCE, "attr": "arn"}}
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
        seconds=kept(space.seconds, _second_facts),
        targets=kept(space.targets, _target_facts),
        time_windows=kept(space.time_windows, _window_facts),
        ways=kept(space.ways, _way_facts),
        humans=kept(space.humans, _human_facts),
        kinds=kept(space.kinds, partial(_attribute_facts, "kind")),
        names=kept(space.names, partial(_attribute_facts, "subject")),
        issuers=kept(space.issuers, partial(_attribute_facts, "issuer")),
    )


def _is_less_certain(asked: SpaceScope) -> bool:
    """Return whether it is not known which resources the request names, or whether it is about a call."""
    return bool(asked.operation) or asked.permission is None or has_wildcard(asked.permission.resources[0])


def _may_be(policy: _Policy, facts: Facts) -> bool:
    """Return whether the policy may apply, by its scope and its conditions."""
    scopes = (("principal", _PRINCIPAL), ("resource", _RESOURCE))
    entities = ((variable, _entity(policy[name])) for name, variable in scopes)
    inside = all(facts("in", {"left": var, "right": each}) is not False for var, each in entities if each)
    return inside and may_hold(policy, facts)


def _entity(scope: Mapping[str, Any]) -> Mapping[str, Any] | None:
    entity = scope.get("in", {}).get("entity") or (scope.get("entity") if scope["op"] == "in" else None)
    return {"Value": {"__entity": entity}} if entity else None


def _scope_facts(asked: SpaceScope) -> Facts:
    """Return what is known of a request for this. A profile has many actions and resources, so they are not known."""
    if asked.permission is None:
        return context_facts({"accessProfile": asked.profile})
    (action,), (arn,) = asked.permission.actions, asked.permission.resources
    known = context_facts({"accessProfile": "", "action": action, "service": action.partition(":")[0]})
    is_exact = not has_wildcard(arn)
    return lambda operator, operands: arn if is_exact and {operator: operands} == _ARN else known(operator, operands)


def _among(read: Mapping[str, Any], kinds: Mapping[str, frozenset[str]]) -> Facts:
    """Return the facts about entities that contain `read`: for each type, the ids of all of them."""

    def facts(operator: str, operands: Any) -> Any:
        if operator != "in" or operands["left"] != read:
            return None
        entities = [
            each.get("Value", {}).get("__entity", {}) for each in operands["right"].get("Set", [operands["right"]])
        ]
        if all(each.get("type") in kinds for each in entities):
            return any(each["id"] in kinds[each["type"]] for each in entities)
        return None

    return facts


def _group_facts(groups: frozenset[str]) -> Facts:
    return _among(_PRINCIPAL, {"Jitney::Group": groups})


def _target_facts(alias: str) -> Facts:
    inside, named = _among(_RESOURCE, {"Jitney::Target": frozenset({alias})}), context_facts({"target": alias})
    return lambda operator, operands: inside(operator, operands) if operator == "in" else named(operator, operands)


def _claim_facts(claims: ClaimTags) -> Facts:
    values = dict(claims)

    def facts(operator: str, operands: Any) -> Any:
        match operator, operands:
            case "hasTag", {"left": read, "right": {"Value": str(name)}} if read == _PRINCIPAL:
                return name in values
            case ".", {"left": {"getTag": {"left": read, "right": {"Value": str(name)}}}} if read == _PRINCIPAL:
                value = values.get(name)
                return value if isinstance(value, str) else None
        return None

    return facts


def _second_facts(seconds: int) -> Facts:
    def facts(operator: str, operands: Any) -> Any:
        match operator, operands:
            case str(name), {"left": left, "right": {"Value": int(number)}} if name in _ORDERS and left == _SECONDS:
                return _ORDERS[name](seconds, number)
        return None

    return facts


def _window_facts(windows: frozenset[str]) -> Facts:
    def facts(operator: str, operands: Any) -> Any:
        match operator, operands:
            case "contains", {"left": left, "right": {"Value": str(name)}} if left == _WINDOWS:
                return name in windows
        return None

    return facts


def _way_facts(way: tuple[Way, bool]) -> Facts:
    return context_facts({"way": way[0].value, "reveal": way[1]})


def _attribute_facts(name: str, value: str) -> Facts:
    read = {"left": _PRINCIPAL, "attr": name}
    return lambda operator, operands: value if operator == "." and operands == read else None


def _human_facts(human: Identity | None) -> Facts:
    return context_facts({"onBehalfOfHuman": human is not None})
