"""Shortens a list of permitted access: leaves out what other entries already say, and joins entries that are alike."""

from collections.abc import Iterable, Iterator, Sequence

from jitney.core.patterns import Budget, covers
from jitney.core.policy.permitted_access import PermittedAccess


def summarized(entries: Sequence[PermittedAccess], budget: Budget) -> tuple[PermittedAccess, ...]:
    """Return the same access in fewer entries. Raises PatternTooComplex."""
    distinct = list(dict.fromkeys(entries))
    kept: list[PermittedAccess] = []
    for place, entry in enumerate(distinct):
        others = [*kept, *distinct[place + 1 :]]
        if not any(_says(other, entry, budget) or _says_which(other, entry, budget) for other in others):
            kept.append(entry)
    return tuple(_joined(kept))


def _says(outer: PermittedAccess, inner: PermittedAccess, budget: Budget) -> bool:
    """Return whether `outer` includes everything in `inner`."""
    if not _alike(outer, inner) or outer.terms.max_seconds < inner.terms.max_seconds:
        return False
    if outer.partial and (not inner.partial or outer.resources != inner.resources):
        return False
    named = outer.actions and (not inner.actions or not set(inner.actions) <= set(outer.actions))
    wide = outer.wildcards or not inner.wildcards
    limited = outer.conditions and outer.conditions != inner.conditions
    return wide and not named and not limited and _covers(outer, inner, budget)


def _says_which(narrow: PermittedAccess, wide: PermittedAccess, budget: Budget) -> bool:
    """Return whether `narrow` says which part of `wide` may be requested with wildcards."""
    if not (wide.partial and wide.wildcards and narrow.wildcards and _alike(narrow, wide)):
        return False
    return narrow.resources != wide.resources and _covers(wide, narrow, budget)


def _alike(outer: PermittedAccess, inner: PermittedAccess) -> bool:
    terms = outer.terms[:2] == inner.terms[:2] and set(inner.ways) <= set(outer.ways)
    return terms and (outer.level, outer.services) == (inner.level, inner.services)


def _covers(outer: PermittedAccess, inner: PermittedAccess, budget: Budget) -> bool:
    """Return whether one entry's resources include the other entry's resources. Only "*" includes "*"."""
    if "*" in (*outer.resources, *inner.resources):
        return outer.resources == inner.resources
    return all(any(covers(wide, each, budget) for wide in outer.resources) for each in inner.resources)


def _joined(entries: Iterable[PermittedAccess]) -> Iterator[PermittedAccess]:
    """Yield the entries.

    First those that differ only in resources are joined, then those that differ only in services.
    """
    resources: dict[PermittedAccess, list[str]] = {}
    for entry in entries:
        resources.setdefault(entry._replace(resources=()), []).extend(entry.resources)
    services: dict[PermittedAccess, list[str]] = {}
    for entry, found in resources.items():
        together = entry._replace(resources=tuple(sorted(set(found))), services=())
        services.setdefault(together, []).extend(entry.services)
    for entry, found in services.items():
        yield entry._replace(services=tuple(sorted(set(found))))
