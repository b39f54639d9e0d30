"""The pairs of a request: one action on one resource. Policies must allow each pair."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jitney.core.access.conditions import Conditions
from jitney.core.access.request import AccessRequest, GrantedPair, Permission
from jitney.core.access.session_policy import SCOPING
from jitney.core.actions import Action, ActionTable
from jitney.core.patterns import Budget, has_wildcard
from jitney.core.problems import Problem

# A request may have this many times `max_pairs` combinations to examine, because most actions that a wildcard matches
# do not act on the resource.
LOOKED_AT = 20

# A permitted `*` must not let a session's holder create other sessions (row STS 2).
_STS = "sts"
_GET_CALLER_IDENTITY = "sts:GetCallerIdentity"
NEEDS_NO_PERMISSION = frozenset({_GET_CALLER_IDENTITY})
"""Actions that every session may call, even where a policy denies them.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""


class Pair(NamedTuple):
    """One action on one requested resource: an ARN, which may contain wildcards, or "*".

    It stands for the calls that satisfy all `conditions`.
    """

    action: Action
    resource: str
    conditions: Conditions = ()


def pairs_of(request: AccessRequest, actions: ActionTable, max_pairs: int, budget: Budget) -> tuple[Pair, ...]:
    """Return the pairs of `request`, with action wildcards expanded and without pairs that cannot exist.

    A pair cannot exist when none of the action's resource types matches the ARN, such as s3:ListBucket on an object, or
    when its calls do not carry the key of a condition.

    STS actions must be named, except that wildcards match GetCallerIdentity. GetScopedCredentials is refused, because a
    session creates others with it.

    Raises Problem action_unknown. Raises Problem request_invalid for STS actions that cannot be granted, for too many
    pairs, for an action or resource without any pair, and for a condition on a key that a named action does not carry.
    Raises PatternTooComplex.
    """
    found: dict[GrantedPair, Pair] = {}
    looked_at = 0
    for permission in request.permissions:
        expanded = {name: _expand(name, actions, budget) for name in permission.actions}
        looked_at += sum(map(len, expanded.values())) * len(permission.resources)
        if looked_at > LOOKED_AT * max_pairs:
            raise _too_many(max_pairs)
        for pair in _pairs(permission, expanded, budget):
            found.setdefault(GrantedPair(pair.action.name, pair.resource, pair.conditions), pair)
            if len(found) > max_pairs:
                raise _too_many(max_pairs)
    return tuple(found.values())


def permissions_of(pairs: Iterable[Pair]) -> tuple[Permission, ...]:
    """Return the pairs as permissions, in the same order.

    Actions on the same resources with the same conditions share one permission.
    """
    resources: dict[tuple[str, Conditions], list[str]] = {}
    for pair in pairs:
        resources.setdefault((pair.action.name, pair.conditions), []).append(pair.resource)
    actions: dict[tuple[tuple[str, ...], Conditions], list[str]] = {}
    for (action, conditions), names in resources.items():
        actions.setdefault((tuple(names), conditions), []).append(action)
    return tuple(Permission(tuple(together), *limits) for limits, together in actions.items())


def _expand(name: str, actions: ActionTable, budget: Budget) -> tuple[Action, ...]:
    found = actions.expand(name, budget)
    if not found:
        closest = actions.closest(name)
        fix = (
            f"Did you mean {' or '.join(closest)}?"
            if closest
            else "Use a name from the AWS service authorization reference."
        )
        raise Problem("action_unknown", f"Action {name[:200]!a} does not exist.", fix, {"alternatives": list(closest)})
    return _of_sts(name, found) if found[0].service == _STS else found


def _of_sts(name: str, stands_for: tuple[Action, ...]) -> tuple[Action, ...]:
    """Return the STS actions that `name` grants. Raises Problem request_invalid if there are none."""
    if not has_wildcard(name):
        if stands_for[0].name == SCOPING:
            fix = "Remove it from the request. Request another grant if you need other credentials."
            raise Problem("request_invalid", f"{SCOPING} is never granted.", fix)
        return stands_for
    kept = tuple(action for action in stands_for if action.name == _GET_CALLER_IDENTITY)
    if not kept:
        detail = f"{name[:200]!a} matches STS actions, which are granted by name only."
        raise Problem("request_invalid", detail, "Name the STS action that you need. Policies rarely permit one.")
    return kept


def _pairs(permission: Permission, expanded: dict[str, tuple[Action, ...]], budget: Budget) -> Iterator[Pair]:
    """Yield the pairs of one permission one by one, so that the caller can stop when there are too many."""
    idle = set(permission.resources)
    needed = frozenset(each.family for each in permission.conditions)
    for name, stands_for in expanded.items():
        acts = False
        for action in stands_for:
            for arn in permission.resources:
                if action.acts_on(arn, budget):
                    carried = action.keys_on(arn, budget) if needed else needed
                    if not needed <= carried:
                        if has_wildcard(name):
                            continue
                        raise _not_carried(action, arn, permission.conditions, carried)
                    acts = True
                    idle.discard(arn)
                    yield Pair(action, arn, permission.conditions)
        if not acts:
            raise _idle_action(name, stands_for, permission.conditions)
    if idle:
        under = " under the conditions" if needed else ""
        detail = f"None of the actions requested with resource {min(idle)[:200]!a} acts on it{under}."
        raise Problem("request_invalid", detail, "Remove the resource, or request an action that acts on it.")


def _not_carried(action: Action, arn: str, conditions: Conditions, carried: frozenset[str]) -> Problem:
    missing = next(each.key for each in conditions if each.family not in carried)
    keys = sorted(f"{each}NAME" if each[-1] in "/:" else each for each in carried)
    return Problem(
        "request_invalid",
        f"Calls of {action.name} on {arn[:200]!a} have no {missing}, so a condition on it would never hold.",
        f"Request {action.name} in a permission without this condition. "
        f"Its calls have {', '.join(keys) or 'no supported key'}.",
        {"condition_keys": keys},
    )


def _idle_action(name: str, stands_for: tuple[Action, ...], conditions: Conditions) -> Problem:
    if conditions:
        keys = ", ".join(each.key for each in conditions)
        detail = f"{name} acts on none of the resources requested with it, if its calls must have {keys}."
        return Problem("request_invalid", detail, "Request it in a permission without these conditions.")
    formats = dict.fromkeys(kind.arn_format for action in stands_for for kind in action.resource_types)
    fix = (
        f"Name resources such as {' or '.join(list(formats)[:3])}."
        if formats
        else 'Request it on "*", in a permission of its own.'
    )
    return Problem("request_invalid", f"{name} acts on none of the resources requested with it.", fix)


def _too_many(max_pairs: int) -> Problem:
    return Problem(
        "request_invalid",
        f"The request has more than {max_pairs} combinations of an action and a resource.",
        "Name the actions that you need instead of wildcards, or make several requests.",
    )


def too_complex() -> Problem:
    """Return the problem for resources whose wildcards take too long to decide."""
    return Problem(
        "request_invalid",
        "The resources have too many wildcards to decide.",
        "Use fewer wildcards in each resource, or name single resources.",
    )
