"""What a grant allowed, and what of it was used, denied and never used (row AUD 4)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from core.access.grant import Grant
from core.trail.call import Call

DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation", "UnauthorizedOperation", "Forbidden"}
)
"""The error codes by which services say that IAM did not let somebody: they differ by protocol."""


class Usage(NamedTuple):
    """Actions of a grant, sorted: those that were `used`, that were `never_used`, and that were `denied`.

    An action can be used and denied: on different resources. What was denied need not have been granted.
    """

    used: tuple[str, ...]
    never_used: tuple[str, ...]
    denied: tuple[str, ...]


def usage(grant: Grant, calls: Iterable[Call]) -> Usage:
    """What came of a grant by the calls that it explains, in any order. Names of actions compare without case."""
    granted = sorted({action for each in grant.permissions for action in each.actions})
    used: set[str] = set()
    denied: set[str] = set()
    for call in calls:
        (denied if call.error_code in DENIED else used).update(call.actions)
    done = _lower(used)
    return Usage(
        tuple(each for each in granted if each.lower() in done),
        tuple(each for each in granted if each.lower() not in done),
        tuple(sorted(denied)),
    )


def _lower(names: Iterable[str]) -> Sequence[str]:
    return [each.lower() for each in names]
