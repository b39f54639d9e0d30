"""Numbers of things in words, and lists that name only some things."""

from collections.abc import Sequence


def quantity(number: int, thing: str) -> str:
    """Return the number with its noun: "1 call", "1,200 calls"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def format_list(names: Sequence[str], most: int) -> str:
    """Return the first `most` names, and how many more there are."""
    shown = ", ".join(names[:most])
    more = len(names) - most
    return f"{shown} and {more} more" if more > 0 else shown
