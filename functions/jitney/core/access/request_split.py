"""Splits a request that is too large for one session policy into up to three that each fit."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from jitney.core.access.request import Permission
from jitney.core.access.statements import CompactedRequest, Statement, by_resources, with_statement

MAX_PARTS = 3


def split(whole: CompactedRequest, room: int) -> tuple[tuple[Permission, ...], ...]:
    """Return the permissions of at most `MAX_PARTS` requests that together are `whole`.

    Each fits into `room` characters.

    Statements stay whole where possible. The largest comes first, and each goes into the first part with room. A
    statement larger than a part is cut. The pieces together allow the same. Returns () when more parts would be needed,
    or when one action on one resource is too large.
    """
    parts: list[tuple[Statement, ...]] = []
    for piece in [piece for statement in by_resources(whole.requested) for piece in _cut(statement, room)]:
        for place, part in enumerate([*parts, ()]):
            grown = with_statement(part, piece, whole.scope)
            if sum(statement.size for statement in grown) <= room and place < MAX_PARTS:
                parts[place : place + 1] = [grown]
                break
        else:
            return ()
    return tuple(_permissions(part, whole.requested) for part in parts)


def _cut(statement: Statement, room: int) -> Iterator[Statement]:
    """Yield `statement` in pieces, cut along its longer list, each of at most `room` characters where possible."""
    names, resources = len("".join(statement.actions)), len("".join(statement.resources))
    by_actions = len(statement.actions) > 1 and (names > resources or len(statement.resources) == 1)
    member = "actions" if by_actions else "resources"
    items: tuple[str, ...] = getattr(statement, member)
    if statement.size <= room or len(items) == 1:
        yield statement
        return
    start = 0
    for end in range(1, len(items) + 1):
        if end == len(items) or replace(statement, **{member: items[start : end + 1]}).size > room:
            yield from _cut(replace(statement, **{member: items[start:end]}), room)
            start = end


def _permissions(statements: Iterable[Statement], requested: Mapping[str, tuple[str, ...]]) -> tuple[Permission, ...]:
    """Return what `statements` allow, limited to the pairs that were `requested`."""
    kept: dict[str, set[str]] = {}
    for statement in statements:
        for name in statement.actions:
            kept.setdefault(name, set()).update({*statement.resources}.intersection(requested[name]))
    held = {name: tuple(sorted(resources)) for name, resources in kept.items() if resources}
    return tuple(Permission(each.actions, each.resources) for each in by_resources(held))
