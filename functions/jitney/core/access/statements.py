"""A request's statements: the fewest characters that allow exactly what was asked.

Each step is exact. An action keeps the resources that one of its types can have, without those that another one
covers; actions on the same resources share a statement; and two statements become one where every (action, resource)
that this adds reaches nothing more: the action cannot act on the resource, or was asked on more than it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from jitney.core.access.request import Permission
from jitney.core.access.requested_scope import RequestedScope
from jitney.core.actions import Action, ActionTable


@dataclass(frozen=True, slots=True)
class Statement:
    """An Allow of every action on every resource, both sorted."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def body(self) -> dict[str, Any]:
        """The statement as IAM reads it."""
        return {"Effect": "Allow", "Action": one_or_many(self.actions), "Resource": one_or_many(self.resources)}

    @property
    def size(self) -> int:
        """Its characters in a session policy, with the comma behind it."""
        return len(compact(self.body())) + 1


class CompactedRequest(NamedTuple):
    """`statements` that allow exactly `asked`: the resources of each action, sorted. `reach` answers about `asked`."""

    statements: tuple[Statement, ...]
    asked: Mapping[str, tuple[str, ...]]
    reach: RequestedScope


def compact_request(permissions: Sequence[Permission], actions: ActionTable) -> CompactedRequest:
    """The statements for `permissions`, whose action wildcards are expanded already; none for what cannot exist.

    The same for the same permissions in any order. Raises ValueError for an action that is not in the table.
    """
    known: dict[str, Action] = {}
    wanted: dict[str, set[str]] = {}
    for permission in permissions:
        for name in permission.actions:
            action = _known(name, actions)
            known[action.name] = action
            wanted.setdefault(action.name, set()).update(permission.resources)
    before = RequestedScope({}, known)
    acting = {name: tuple(arn for arn in sorted(wanted[name]) if before.may(name, arn)) for name in sorted(wanted)}
    widest = {arns: before.widest(arns) for arns in acting.values() if arns}
    kept = {name: widest[arns] for name, arns in acting.items() if arns}
    reach = RequestedScope(kept, known)
    merged: tuple[Statement, ...] = ()
    for statement in by_resources(kept):
        merged = with_statement(merged, statement, reach)
    return CompactedRequest(tuple(sorted(merged, key=lambda each: each.actions)), kept, reach)


def by_resources(asked: Mapping[str, tuple[str, ...]]) -> tuple[Statement, ...]:
    """One statement for each set of resources, the largest first."""
    grouped: dict[tuple[str, ...], list[str]] = {}
    for name in sorted(asked):
        grouped.setdefault(asked[name], []).append(name)
    statements = (Statement(tuple(names), resources) for resources, names in grouped.items())
    return tuple(sorted(statements, key=lambda each: (-each.size, each.actions)))


def with_statement(statements: tuple[Statement, ...], new: Statement, reach: RequestedScope) -> tuple[Statement, ...]:
    """`statements` and `new`, joined with the first of them that it may join: that never makes a policy longer."""
    for place, before in enumerate(statements):
        if _may_join(before, new, reach) and _may_join(new, before, reach):
            return (*statements[:place], _joined(before, new), *statements[place + 1 :])
    return (*statements, new)


def one_or_many(names: tuple[str, ...]) -> str | tuple[str, ...]:
    """A single name without its list, which IAM reads as the same."""
    return names[0] if len(names) == 1 else names


def compact(value: Any) -> str:
    """JSON without white space."""
    return json.dumps(value, separators=(",", ":"))


def _may_join(one: Statement, other: Statement, reach: RequestedScope) -> bool:
    """Whether the actions of `one` on the resources of `other` reach nothing more."""
    return not any(reach.adds(action, resource) for action in one.actions for resource in other.resources)


def _joined(one: Statement, other: Statement) -> Statement:
    actions = {*one.actions, *other.actions}
    return Statement(tuple(sorted(actions)), tuple(sorted({*one.resources, *other.resources})))


def _known(name: str, actions: ActionTable) -> Action:
    action = actions.get(name)
    if action is None:
        raise ValueError(f"not an action: {name!a}")
    return action
