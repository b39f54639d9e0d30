"""What a request comes down to: single actions on single resources, each of which policy must allow."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jitney.core.access.request import AccessRequest, Permission
from jitney.core.access.session_policy import SCOPING
from jitney.core.actions import Action, ActionTable
from jitney.core.patterns import Budget, has_wildcard
from jitney.core.problems import Problem

# Combinations looked at for each that may be asked: most of what a wildcard stands for does not act on the resource.
LOOKED_AT = 20

# Whoever holds a session shall make no other of it, because somebody permitted `*` (row STS 2).
_STS = "sts"
_GET_CALLER_IDENTITY = "sts:GetCallerIdentity"


class Pair(NamedTuple):
    """One action on one resource as asked: an ARN with or without wildcards, or "*"."""

    action: Action
    resource: str


def pairs_of(request: AccessRequest, actions: ActionTable, max_pairs: int, budget: Budget) -> tuple[Pair, ...]:
    """The pairs that `request` asks for: action wildcards expanded, without those that cannot be.

    A pair cannot be when none of the action's resource types can have the ARN: s3:ListBucket on an object. Of STS
    wildcards stand for GetCallerIdentity alone; all else is asked for by name, but for GetScopedCredentials, with which
    a session makes others of itself: that is refused.
    Raises Problem: action_unknown, or request_invalid for what STS never grants, when there are more than `max_pairs`,
    or when an action or a resource is left without any. Raises PatternTooComplex.
    """
    found: dict[tuple[str, str], Pair] = {}
    looked_at = 0
    for permission in request.permissions:
        expanded = {name: _expand(name, actions, budget) for name in permission.actions}
        looked_at += sum(map(len, expanded.values())) * len(permission.resources)
        if looked_at > LOOKED_AT * max_pairs:
            raise _too_many(max_pairs)
        for pair in _pairs(permission, expanded, budget):
            found.setdefault((pair.action.name, pair.resource), pair)
            if len(found) > max_pairs:
                raise _too_many(max_pairs)
    return tuple(found.values())


def permissions_of(pairs: Iterable[Pair]) -> tuple[Permission, ...]:
    """The pairs as permissions: actions on the same resources together, in the order of the pairs."""
    resources: dict[str, list[str]] = {}
    for pair in pairs:
        resources.setdefault(pair.action.name, []).append(pair.resource)
    actions: dict[tuple[str, ...], list[str]] = {}
    for action, names in resources.items():
        actions.setdefault(tuple(names), []).append(action)
    return tuple(Permission(tuple(together), names) for names, together in actions.items())


def _expand(name: str, actions: ActionTable, budget: Budget) -> tuple[Action, ...]:
    found = actions.expand(name, budget)
    if not found:
        closest = actions.closest(name)
        fix = (
            f"Did you mean {' or '.join(closest)}?"
            if closest
            else "Use the names of the AWS service authorization reference."
        )
        raise Problem("action_unknown", f"There is no action {name[:200]!a}.", fix, {"closest": list(closest)})
    return _of_sts(name, found) if found[0].service == _STS else found


def _of_sts(name: str, stands_for: tuple[Action, ...]) -> tuple[Action, ...]:
    """Those of STS's actions that are granted to who asks for `name`. Raises Problem request_invalid for none."""
    if not has_wildcard(name):
        if stands_for[0].name == SCOPING:
            fix = "Leave it out; ask for another grant where other credentials are needed."
            raise Problem("request_invalid", f"{SCOPING} is never granted.", fix)
        return stands_for
    kept = tuple(action for action in stands_for if action.name == _GET_CALLER_IDENTITY)
    if not kept:
        detail = f"{name[:200]!a} stands for actions of STS, which are granted by name alone."
        raise Problem("request_invalid", detail, "Name the action that is needed; policies rarely permit one.")
    return kept


def _pairs(permission: Permission, expanded: dict[str, tuple[Action, ...]], budget: Budget) -> Iterator[Pair]:
    """The pairs of one permission, one by one: the caller stops when there are too many."""
    idle = set(permission.resources)
    for name, stands_for in expanded.items():
        acts = False
        for action in stands_for:
            for arn in permission.resources:
                if action.acts_on(arn, budget):
                    acts = True
                    idle.discard(arn)
                    yield Pair(action, arn)
        if not acts:
            raise _idle_action(name, stands_for)
    if idle:
        detail = f"None of the actions that are asked together with it acts on {min(idle)[:200]!a}."
        raise Problem("request_invalid", detail, "Leave the resource out, or ask for an action that acts on it.")


def _idle_action(name: str, stands_for: tuple[Action, ...]) -> Problem:
    formats = dict.fromkeys(kind.arn_format for action in stands_for for kind in action.resource_types)
    fix = (
        f"Name resources such as {' or '.join(list(formats)[:3])}."
        if formats
        else 'Ask for it on "*", in a permission of its own.'
    )
    return Problem("request_invalid", f"{name} acts on none of the resources that are named with it.", fix)


def _too_many(max_pairs: int) -> Problem:
    return Problem(
        "request_invalid",
        f"The request asks for more than {max_pairs} combinations of an action and a resource.",
        "Name the actions that are needed instead of wildcards, or ask in several requests.",
    )


def too_complex() -> Problem:
    """The answer to resources whose wildcards cannot be decided in reasonable time."""
    return Problem(
        "request_invalid",
        "The resources' wildcards are too many to decide what they reach.",
        "Use fewer wildcards in each resource, or name single resources.",
    )
