"""Splits a request that is too large for one session policy into up to three that each fit."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias

from jitney.core.access.conditions import Conditions
from jitney.core.access.request import Permission
from jitney.core.access.statements import CompactedRequest, Requested, Statement, by_resources, with_statement

MAX_PARTS = 3


Fits: TypeAlias = Callable[[tuple[Statement, ...]], bool]
"""Says whether a session policy can hold the statements."""


def split(whole: CompactedRequest, fits: Fits) -> tuple[tuple[Permission, ...], ...]:
    """Return the permissions of at most `MAX_PARTS` requests that each fit and together are `whole`.

    Statements stay whole where possible. The largest comes first, and each goes into the first part with room. A
    statement larger than a part is cut. The pieces together allow the same. Returns () when more parts would be needed,
    or when one action on one resource is too large.
    """
    parts: list[tuple[Statement, ...]] = []
    for piece in [piece for statement in by_resources(whole.requested) for piece in _cut(statement, fits)]:
        for place, part in enumerate([*parts, ()]):
            grown = with_statement(part, piece, whole.scope)
            if place < MAX_PARTS and fits(grown):
                parts[place : place + 1] = [grown]
                break
        else:
            return ()
    return tuple(_permissions(part, whole.requested) for part in parts)


def _cut(statement: Statement, fits: Fits) -> Iterator[Statement]:
    """Yield `statement` in pieces, cut along its longer list, that each fit where possible."""
    names, resources = len("".join(statement.actions)), len("".join(statement.resources))
    by_actions = len(statement.actions) > 1 and (names > resources or len(statement.resources) == 1)
    items = statement.actions if by_actions else statement.resources
    if len(items) == 1 or fits((statement,)):
        yield statement
        return

    def piece(start: int, end: int) -> Statement:
        some = items[start:end]
        return replace(statement, actions=some) if by_actions else replace(statement, resources=some)

    start = 0
    for end in range(1, len(items) + 1):
        if end == len(items) or not fits((piece(start, end + 1),)):
            yield from _cut(piece(start, end), fits)
            start = end


def _permissions(statements: Iterable[Statement], requested: Requested) -> tuple[Permission, ...]:
    """Return what `statements` allow, limited to the pairs that were `requested`."""
    kept: dict[Conditions, dict[str, set[str]]] = {}
    for statement in statements:
        by_action = kept.setdefault(statement.conditions, {})
        for name in statement.actions:
            wanted = requested[statement.conditions].get(name, ())
            by_action.setdefault(name, set()).update({*statement.resources}.intersection(wanted))
    held = {
        conditions: {name: tuple(sorted(arns)) for name, arns in by_action.items() if arns}
        for conditions, by_action in kept.items()
    }
    return tuple(Permission(each.actions, each.resources, each.conditions) for each in by_resources(held))
