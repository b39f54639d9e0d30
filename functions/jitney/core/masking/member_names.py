"""Keeps the names of members apart after masking."""

from collections.abc import Mapping


def distinct(masked: Mapping[str, str]) -> dict[str, str]:
    """Return the masked name of each member of an object. No two of them are equal.

    Two secrets can have the same mask, and always have it if masks have no tags. An object cannot hold a name twice, so
    a member would vanish. So equal masks are numbered. A name that is not masked stays as it is.
    """
    found: dict[str, str] = {}
    taken = {name for name, mask in masked.items() if mask == name}
    numbers: dict[str, int] = {}
    """The last number of each mask, so that no number is tried twice."""
    for name, mask in masked.items():
        free = mask
        while mask != name and free in taken:
            numbers[mask] = numbers.get(mask, 1) + 1
            free = f"{mask} {numbers[mask]}"
        taken.add(free)
        found[name] = free
    return found
