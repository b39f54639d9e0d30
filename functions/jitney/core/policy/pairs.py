"""The pairs of a request: one action on one resource. Policies must allow each pair."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jitney.core.access.conditions import Conditions
from jitney.core.access.fields import FieldErrors
from jitney.core.access.request import AccessRequest, GrantedPair, Permission, shared_permissions
from jitney.core.access.session_policy import SCOPING
from jitney.core.actions import Action, ActionTable
from jitney.core.patterns import Budget, has_wildcard
from jitney.core.problems import Problem

# A request may have this many times `max_pairs` combinations to examine, because most actions that a wildcard matches
# do not act on the resource.
LOOKED_AT = 20

MOST_UNKNOWN = 5
"""How many unknown actions an answer lists. The search for similar names takes up to 40 ms for each."""

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

    Raises Problem action_unknown or request_invalid with all errors in `errors`, each as {pointer, detail, fix}. The
    first is for unknown actions. The other is for STS actions that cannot be granted, for an action or resource without
    any pair, and for a condition on a key that a named action does not carry. Raises Problem request_invalid, without
    `errors`, for too many pairs. Raises PatternTooComplex.
    """
    requested = _expanded(request, actions, max_pairs, budget)
    faults, found = FieldErrors(), dict[GrantedPair, Pair]()
    for each in requested:
        for pair in each.pairs(faults, budget):
            found.setdefault(GrantedPair(pair.action.name, pair.resource, pair.conditions), pair)
            if len(found) > max_pairs:
                raise _too_many(max_pairs)
    faults.refuse()
    return tuple(found.values())


def permissions_of(pairs: Iterable[Pair]) -> tuple[Permission, ...]:
    """Return the pairs as permissions, in the same order."""
    resources: dict[tuple[str, Conditions], list[str]] = {}
    for pair in pairs:
        resources.setdefault((pair.action.name, pair.conditions), []).append(pair.resource)
    return shared_permissions((action, tuple(names), conditions) for (action, conditions), names in resources.items())


class _Expanded(NamedTuple):
    """A permission of a request, and the actions that each of its names stands for."""

    permission: Permission
    actions: dict[str, tuple[Action, ...]]
    pointer: str
    """The place in the body, or "" for a permission that does not come from `permissions` there."""

    def place(self, kind: str) -> str:
        """Return a JSON pointer to the permission's actions or resources."""
        return self.pointer and f"{self.pointer}/{kind}"

    def pairs(self, faults: FieldErrors, budget: Budget) -> Iterator[Pair]:
        """Yield the pairs one by one, so that the caller can stop when there are too many. Add errors to `faults`."""
        idle = set(self.permission.resources)
        needed = frozenset(each.family for each in self.permission.conditions)
        for name, stands_for in self.actions.items():
            acts = False
            for action in stands_for:
                for arn in self.permission.resources:
                    if action.acts_on(arn, budget):
                        carried = action.keys_on(arn, budget) if needed else needed
                        if not needed <= carried and has_wildcard(name):
                            continue
                        acts = True
                        idle.discard(arn)
                        if needed <= carried:
                            yield Pair(action, arn, self.permission.conditions)
                        else:
                            self._not_carried(action, arn, carried, faults)
            if not acts and stands_for:
                self._idle_action(name, faults)
        under = " under the conditions" if needed else ""
        for arn in sorted(idle):
            detail = f"None of the actions requested with resource {arn[:200]!a} acts on it{under}."
            faults.add(self.place("resources"), detail, "Remove the resource, or request an action that acts on it.")

    def _not_carried(self, action: Action, arn: str, carried: frozenset[str], faults: FieldErrors) -> None:
        missing = next(each.key for each in self.permission.conditions if each.family not in carried)
        keys = sorted(f"{each}NAME" if each[-1] in "/:" else each for each in carried)
        faults.add(
            self.place("conditions"),
            f"Calls of {action.name} on {arn[:200]!a} have no {missing}, so a condition on it would never hold.",
            f"Request {action.name} in a permission without this condition. "
            f"Its calls have {', '.join(keys) or 'no supported key'}.",
            condition_keys=keys,
        )

    def _idle_action(self, name: str, faults: FieldErrors) -> None:
        if self.permission.conditions:
            keys = ", ".join(each.key for each in self.permission.conditions)
            detail = f"{name} acts on none of the resources requested with it, if its calls must have {keys}."
            fix = "Request it in a permission without these conditions."
            return faults.add(self.place("actions"), detail, fix)
        formats = dict.fromkeys(kind.arn_format for action in self.actions[name] for kind in action.resource_types)
        fix = (
            f"Name resources such as {' or '.join(list(formats)[:3])}."
            if formats
            else 'Request it on "*", in a permission of its own.'
        )
        return faults.add(self.place("actions"), f"{name} acts on none of the resources requested with it.", fix)


def _expanded(request: AccessRequest, actions: ActionTable, max_pairs: int, budget: Budget) -> list[_Expanded]:
    """Return the permissions with their actions. Raises Problem action_unknown or request_invalid for some of them."""
    unknown, of_sts = FieldErrors(), FieldErrors()
    expanded: list[_Expanded] = []
    looked_at = 0
    for index, permission in enumerate(request.permissions):
        # Permissions that calls need are not in the body.
        each = _Expanded(permission, {}, "" if request.explanation else f"/permissions/{index}")
        for name in permission.actions:
            each.actions[name] = found = actions.expand(name, budget)
            if not found and len(unknown.found) < MOST_UNKNOWN:
                _add_unknown(name, each.place("actions"), actions, unknown)
            if found and found[0].service == _STS:
                each.actions[name] = _of_sts(name, found, each.place("actions"), of_sts)
        looked_at += sum(map(len, each.actions.values())) * len(permission.resources)
        if looked_at > LOOKED_AT * max_pairs:
            raise _too_many(max_pairs)
        expanded.append(each)
    unknown.refuse("action_unknown")
    of_sts.refuse()
    return expanded


def _add_unknown(name: str, pointer: str, actions: ActionTable, unknown: FieldErrors) -> None:
    closest = actions.closest(name)
    fix = (
        f"Did you mean {' or '.join(closest)}?"
        if closest
        else "Use a name from the AWS service authorization reference."
    )
    unknown.add(pointer, f"Action {name[:200]!a} does not exist.", fix, alternatives=closest)


def _of_sts(name: str, stands_for: tuple[Action, ...], pointer: str, faults: FieldErrors) -> tuple[Action, ...]:
    """Return the STS actions that `name` grants. Add an error if there are none."""
    if not has_wildcard(name):
        if stands_for[0].name == SCOPING:
            fix = "Remove it from the request. Request another grant if you need other credentials."
            faults.add(pointer, f"{SCOPING} is never granted.", fix)
        return stands_for
    kept = tuple(action for action in stands_for if action.name == _GET_CALLER_IDENTITY)
    if not kept:
        detail = f"{name[:200]!a} matches STS actions, which are granted by name only."
        faults.add(pointer, detail, "Name the STS action that you need. Policies rarely permit one.")
    return kept


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
