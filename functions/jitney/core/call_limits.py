"""The limits of the calls that one grant may make through the gateway."""

import re
from collections.abc import Iterable
from typing import NamedTuple

_WRITTEN = re.compile(r"([a-z_]+) *= *([1-9][0-9]{0,14})", re.ASCII)


class CallLimits(NamedTuple):
    """The limits of the calls of one grant through the gateway. 0 means unlimited.

    Over the whole grant: `calls`, `bytes_out` of AWS's answers, `items_deleted`. In a minute: `calls_per_minute`. At
    the same time: `writes_in_flight`, which are calls that change something. `cents_per_hour` is the price of all
    instances that the grant's calls start.
    """

    calls: int = 0
    bytes_out: int = 0
    items_deleted: int = 0
    calls_per_minute: int = 1000
    writes_in_flight: int = 10
    cents_per_hour: int = 0

    def within(self, other: "CallLimits") -> "CallLimits":
        """Return the limits that satisfy both: the lower one of each kind."""
        pairs = zip(self, other, strict=True)
        return CallLimits(*(min(filter(None, pair), default=0) for pair in pairs))


DEFAULT_CALL_LIMITS = CallLimits()
NO_CALL_LIMITS = CallLimits(0, 0, 0, 0, 0)


def narrowest(limits: Iterable[CallLimits]) -> CallLimits:
    """Return the lowest limit of each kind."""
    found = NO_CALL_LIMITS
    for each in limits:
        if each != NO_CALL_LIMITS:  # most permits set no limits
            found = found.within(each)
    return found


def written_limits(text: str) -> CallLimits:
    """Return the limits of a policy's annotation, such as "items_deleted=20, calls=100".

    Raises ValueError for another form, an unknown or repeated name, and a number that is not a valid limit.
    """
    limits: dict[str, int] = {}
    for part in text.split(","):
        found = _WRITTEN.fullmatch(part.strip())
        if not found or found[1] not in CallLimits._fields or found[1] in limits:
            raise ValueError(f"this is not a limit, or repeats one: {part.strip()[:60]!a}")
        limits[found[1]] = int(found[2])
    return NO_CALL_LIMITS._replace(**limits)
