"""The statements of a session policy. They allow exactly what was requested, in as few characters as possible.

Each step is exact. First, an action keeps only the resources that its types can have. A resource that another one
covers is left out. Then actions on the same resources share a statement. Last, two statements are merged if the merge
allows nothing more. Each pair that the merge adds either cannot exist or is within a wider requested resource.
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
        """Return the statement as IAM reads it."""
        return {"Effect": "Allow", "Action": one_or_many(self.actions), "Resource": one_or_many(self.resources)}

    @property
    def size(self) -> int:
        """The characters of the statement in a session policy, including a comma."""
        return len(compact(self.body())) + 1


class CompactedRequest(NamedTuple):
    """The `statements` that allow exactly `requested` (the sorted resources of each action), and the `scope`."""

    statements: tuple[Statement, ...]
    requested: Mapping[str, tuple[str, ...]]
    scope: RequestedScope


def compact_request(permissions: Sequence[Permission], actions: ActionTable) -> CompactedRequest:
    """Return the statements for `permissions`. A pair that cannot exist gets no statement.

    Action wildcards must be expanded already. The order of permissions does not matter. Raises ValueError for an action
    that is not in the table.
    """
    known: dict[str, Action] = {}
    wanted: dict[str, set[str]] = {}
    for permission in permissions:
        for name in permission.actions:
            action = _known(name, actions)
            known[action.name] = action
            wanted.setdefault(action.name, set()).update(permission.resources)
    before = RequestedScope({}, known)
    acting = {
        name: tuple(arn for arn in sorted(wanted[name]) if before.may_act_on(name, arn)) for name in sorted(wanted)
    }
    widest = {arns: before.widest(arns) for arns in acting.values() if arns}
    kept = {name: widest[arns] for name, arns in acting.items() if arns}
    scope = RequestedScope(kept, known)
    merged: tuple[Statement, ...] = ()
    for statement in by_resources(kept):
        merged = with_statement(merged, statement, scope)
    return CompactedRequest(tuple(sorted(merged, key=lambda each: each.actions)), kept, scope)


def by_resources(requested: Mapping[str, tuple[str, ...]]) -> tuple[Statement, ...]:
    """Return one statement for each set of resources, the largest first."""
    grouped: dict[tuple[str, ...], list[str]] = {}
    for name in sorted(requested):
        grouped.setdefault(requested[name], []).append(name)
    statements = (Statement(tuple(names), resources) for resources, names in grouped.items())
    return tuple(sorted(statements, key=lambda each: (-each.size, each.actions)))


def with_statement(statements: tuple[Statement, ...], new: Statement, scope: RequestedScope) -> tuple[Statement, ...]:
    """Return `statements` with `new`, merged into the first statement that allows it.

    Merging never lengthens a policy.
    """
    for place, before in enumerate(statements):
        if _may_join(before, new, scope) and _may_join(new, before, scope):
            return (*statements[:place], _joined(before, new), *statements[place + 1 :])
    return (*statements, new)


def one_or_many(names: tuple[str, ...]) -> str | tuple[str, ...]:
    """Return a list of one name as the bare name. IAM reads both forms alike."""
    return names[0] if len(names) == 1 else names


def compact(value: Any) -> str:
    """Return JSON without white space."""
    return json.dumps(value, separators=(",", ":"))


def _may_join(one: Statement, other: Statement, scope: RequestedScope) -> bool:
    """Return whether `one`'s actions on `other`'s resources stay within the scope."""
    return not any(scope.adds(action, resource) for action in one.actions for resource in other.resources)


def _joined(one: Statement, other: Statement) -> Statement:
    actions = {*one.actions, *other.actions}
    return Statement(tuple(sorted(actions)), tuple(sorted({*one.resources, *other.resources})))


def _known(name: str, actions: ActionTable) -> Action:
    action = actions.get(name)
    if action is None:
        raise ValueError(f"action {name!a} is not in the action table")
    return action
