"""Keep the names of members apart after masking."""

from collections.abc import Mapping


def distinct(masked: Mapping[str, str]) -> dict[str, str]:
    """Return the masked names of an object's members, without two equal ones, by the members' names.

    Two secrets can have the same mask, and have it always if masks have no tags. An object cannot hold a name twice, so
    a member would vanish. Such names are numbered. A name that is not masked stays as it is.
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
