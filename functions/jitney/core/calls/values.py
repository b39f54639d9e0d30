"""Reads a parameter's value: its strings, and the members of its structures."""

from collections.abc import Callable, Iterable
from typing import Any

from jitney.core.calls.call import AwsLocation
from jitney.core.problems import Problem

Transform = Callable[[Any, AwsLocation], Iterable[str]]
"""How a parameter's value names resources."""


def wrong_account(named: str, place: AwsLocation) -> Problem:
    """Return the problem that a call names another account than the target's."""
    fix = f"Name a resource of account {place.account}, or another target."
    return Problem("account_mismatch", f"{named[:200]!a} is not in account {place.account}.", fix)


def strings_in(value: Any) -> list[str]:
    """Return a string, or the strings of a list, as a list; [] for other values."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str)]


def each_string(change: Callable[[str], str | None]) -> Transform:
    """Return a transform of each string. `change` returns None for a string that names nothing."""
    return lambda value, _: [read for each in strings_in(value) if (read := change(each)) is not None]


def members_at(value: Any, *names: str) -> list[str]:
    """Return the strings at the path `names`."""
    return [each for each in items_at(value, *names) if isinstance(each, str)]


def items_at(value: Any, *names: str) -> list[Any]:
    """Return the items at the path `names`. Lists are flattened on the way and at the end."""
    found = _one_by_one(value)
    for name in names:
        found = [
            inner for item in found if isinstance(item, dict) and name in item for inner in _one_by_one(item[name])
        ]
    return found


def _one_by_one(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
