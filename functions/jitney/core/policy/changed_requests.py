"""The part of a decision space that changed policies may be about (row POL 14)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from jitney.core.patterns import has_wildcard
from jitney.core.policy.decision_space import DecisionSpace, SpaceScope
from jitney.core.policy.known_conditions import Facts, context_facts, may_hold


def about(space: DecisionSpace, changed: Sequence[Mapping[str, Any]]) -> DecisionSpace:
    """Return the requests of `space` that one of the `changed` policies, in JSON form, may be about.

    If the policies are about none of its actions or groups, all of them stay.
    """
    scopes = [each for each in space.scopes if any(may_hold(policy, _facts(each)) for policy in changed)]
    named = {_group(policy) for policy in changed}
    groups = [each for each in space.groups if named & each] if None not in named else space.groups
    return replace(space, scopes=scopes or space.scopes, groups=groups or space.groups)


def _facts(asked: SpaceScope) -> Facts:
    """Return what is known of a request for this. A profile has many actions and resources, so they are not known."""
    if asked.permission is None:
        return context_facts({"accessProfile": asked.profile})
    (action,), (arn,) = asked.permission.actions, asked.permission.resources
    known = context_facts({"accessProfile": "", "action": action, "service": action.partition(":")[0]})
    resource = {".": {"left": {"Var": "resource"}, "attr": "arn"}}

    def facts(operator: str, operands: Any) -> Any:
        is_arn = {operator: operands} == resource and not has_wildcard(arn)
        return arn if is_arn else known(operator, operands)

    return facts


def _group(policy: Mapping[str, Any]) -> str | None:
    """Return the group in the policy's scope, or None for another scope."""
    entity = policy["principal"].get("entity") or policy["principal"].get("in", {}).get("entity", {})
    return entity.get("id") if entity.get("type") == "Jitney::Group" else None
