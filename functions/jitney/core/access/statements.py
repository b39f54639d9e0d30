"""The statements of a session policy. They allow exactly what was requested, in as few characters as possible.

Each step is exact. First, an action keeps only the resources that its types can have. A resource that another one
covers is left out. Then actions on the same resources share a statement. Last, two statements are merged if the merge
allows nothing more. Each pair that the merge adds either cannot exist or is within a wider requested resource.

Such statements repeat a resource for each set of actions. A request of many different sets is shorter if resources with
the same actions share a statement instead (`regrouped`).

Permissions with different conditions are compacted separately, and their statements are never merged. But a pair is
left out if a statement with weaker conditions already allows it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from jitney.core.access.conditions import Conditions, condition_block, covers_conditions
from jitney.core.access.request import Permission
from jitney.core.access.requested_scope import STEPS, RequestedScope
from jitney.core.actions import Action, ActionTable
from jitney.core.patterns import Budget

_COMPACT = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Statement:
    """An Allow of every action on every resource, both sorted, for calls that satisfy all `conditions`."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Conditions = ()

    def body(self) -> dict[str, Any]:
        """Return the statement as IAM reads it."""
        body = {"Effect": "Allow", "Action": one_or_many(self.actions), "Resource": one_or_many(self.resources)}
        return {**body, "Condition": condition_block(self.conditions)} if self.conditions else body

    @property
    def size(self) -> int:
        """The characters of the statement in a session policy, including a comma."""
        return len(compact(self.body())) + 1


Requested: TypeAlias = Mapping[Conditions, Mapping[str, tuple[str, ...]]]
"""The sorted resources of each action, under each set of conditions."""


class CompactedRequest(NamedTuple):
    """The `statements` that allow exactly `requested`, and the `scope`."""

    statements: tuple[Statement, ...]
    requested: Requested
    scope: RequestedScope


def compact_request(permissions: Sequence[Permission], actions: ActionTable) -> CompactedRequest:
    """Return the statements for `permissions`. A pair that cannot exist gets no statement.

    Action wildcards must be expanded already. The order of permissions does not matter. Raises ValueError for an action
    that is not in the table.
    """
    known: dict[str, Action] = {}
    wanted: dict[Conditions, dict[str, set[str]]] = {}
    for permission in permissions:
        for name in permission.actions:
            action = _known(name, actions)
            known[action.name] = action
            by_action = wanted.setdefault(permission.conditions, {})
            by_action.setdefault(action.name, set()).update(permission.resources)
    before = RequestedScope({}, known)
    kept = {conditions: _widest(wanted[conditions], before) for conditions in sorted(wanted)}
    budget = Budget(STEPS)
    for conditions in [*kept][::-1] if len(kept) > 1 else ():
        kept[conditions] = _uncovered(conditions, kept, known, budget)
    scope = RequestedScope(kept, known)
    return CompactedRequest(_merged(by_resources(kept), scope), kept, scope)


def regrouped(whole: CompactedRequest, most: int) -> tuple[Statement, ...]:
    """Return statements that allow the same, grouped by actions. Return () if their resources exceed `most` characters.

    Under each set of conditions, each resource occurs once before statements are merged.
    """
    found: dict[tuple[Conditions, str], list[str]] = {}
    for conditions, by_action in whole.requested.items():
        for name in sorted(by_action):
            for arn in by_action[name]:
                found.setdefault((conditions, arn), []).append(name)
    if sum(len(arn) for _, arn in found) > most:
        return ()
    grouped: dict[tuple[tuple[str, ...], Conditions], list[str]] = {}
    for (conditions, arn), names in sorted(found.items()):
        grouped.setdefault((tuple(names), conditions), []).append(arn)
    statements = (Statement(names, tuple(arns), conditions) for (names, conditions), arns in grouped.items())
    return _merged(_largest_first(statements), whole.scope)


def by_resources(requested: Requested) -> tuple[Statement, ...]:
    """Return one statement for each set of resources and conditions, the largest first."""
    grouped: dict[tuple[tuple[str, ...], Conditions], list[str]] = {}
    for conditions, by_action in requested.items():
        for name in sorted(by_action):
            grouped.setdefault((by_action[name], conditions), []).append(name)
    statements = tuple(Statement(tuple(names), *limits) for limits, names in grouped.items())
    if len(statements) == 1:  # measuring one statement takes as long as writing the policy
        return statements
    return _largest_first(statements)


def with_statement(statements: tuple[Statement, ...], new: Statement, scope: RequestedScope) -> tuple[Statement, ...]:
    """Return `statements` with `new`, merged into the first statement where the merge allows nothing more.

    Merging never lengthens a policy.
    """
    for place, before in enumerate(statements):
        if _may_join(before, new, scope) and _may_join(new, before, scope):
            return (*statements[:place], _joined(before, new), *statements[place + 1 :])
    return (*statements, new)


def one_or_many(names: tuple[str, ...]) -> str | tuple[str, ...]:
    """Return the names, or a single name without its list. IAM reads both forms alike."""
    return names[0] if len(names) == 1 else names


def compact(value: Any) -> str:
    """Return JSON without white space."""
    return _COMPACT.encode(value)


def _largest_first(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    return tuple(sorted(statements, key=lambda each: (-each.size, each.actions, each.resources, each.conditions)))


def _merged(statements: Iterable[Statement], scope: RequestedScope) -> tuple[Statement, ...]:
    """Return the statements, merged and sorted."""
    merged: tuple[Statement, ...] = ()
    for statement in statements:
        merged = with_statement(merged, statement, scope)
    return tuple(sorted(merged, key=lambda each: (each.actions, each.resources, each.conditions)))


def _may_join(one: Statement, other: Statement, scope: RequestedScope) -> bool:
    """Return whether `one`'s actions on `other`'s resources stay within the scope. Conditions must be equal."""
    return one.conditions == other.conditions and not any(
        scope.adds(action, resource, one.conditions) for action in one.actions for resource in other.resources
    )


def _joined(one: Statement, other: Statement) -> Statement:
    actions = {*one.actions, *other.actions}
    return Statement(tuple(sorted(actions)), tuple(sorted({*one.resources, *other.resources})), one.conditions)


def _widest(wanted: Mapping[str, set[str]], scope: RequestedScope) -> dict[str, tuple[str, ...]]:
    """Return the resources that each action can act on, without those that another one covers."""
    acting = {
        name: tuple(arn for arn in sorted(wanted[name]) if scope.may_act_on(name, arn)) for name in sorted(wanted)
    }
    widest = {arns: scope.widest(arns) for arns in acting.values() if arns}
    return {name: widest[arns] for name, arns in acting.items() if arns}


def _uncovered(
    conditions: Conditions, wanted: Requested, known: Mapping[str, Action], budget: Budget
) -> dict[str, tuple[str, ...]]:
    """Return the resources of each action under `conditions`, without those also requested under weaker conditions."""
    weaker = [other for other in wanted if other != conditions and covers_conditions(other, conditions, budget)]
    scope = RequestedScope(wanted, known, budget)
    found = {
        name: tuple(arn for arn in arns if not any(scope.covers(name, arn, other) for other in weaker))
        for name, arns in wanted[conditions].items()
    }
    return {name: arns for name, arns in found.items() if arns}


def _known(name: str, actions: ActionTable) -> Action:
    action = actions.get(name)
    if action is None:
        raise ValueError(f"action {name!a} is not in the action table")
    return action
