"""Grant ids that begin with their time. Ranges of such ids name many ended grants in few characters.

Characters 3 to 5 of an id count steps of two seconds, and repeat after 18 hours. Grants of the same step, of the same
64 seconds and of the same 34 minutes share a prefix, which IAM matches with `*`. A range denies its ended grants in a
few characters. Each open grant in it must be named as an exception. Pure.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

STEP_SECONDS = 2
FRESH_SECONDS = 4
"""The write of a grant must begin within these seconds of the time in its id. Otherwise the grant gets another id."""
SETTLED_SECONDS = 20
"""A step is settled after these seconds: no new grant with an id of the step can be written any more.

DynamoDB's client gives up a write after 15 seconds (adapters). With a longer time, more ids would be outside of ranges,
and a deny document could not name 20 ended grants a second.
"""
OLDEST_SECONDS = 8 * 3600
"""Ids of an older step are named one by one. So no range is in force when the prefix of its step is used again."""

_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_PLACES = 3
_PREFIX = len("g-")
_ENDS = range(_PREFIX + _PLACES, _PREFIX, -1)
_STEPS: int = len(_DIGITS) ** _PLACES


class IdCover(NamedTuple):
    """The ids in `names`, and the ids that match `ranges` (patterns with `*`), without `exceptions`."""

    names: Collection[str] = ()
    ranges: Collection[str] = ()
    exceptions: Collection[str] = ()


def dated_id(random_id: str, now: int) -> str:
    """Return the grant id ("g-" and 14 random characters) with the time in its first characters."""
    step = now // STEP_SECONDS % _STEPS
    digits = [_DIGITS[step // len(_DIGITS) ** place % len(_DIGITS)] for place in reversed(range(_PLACES))]
    return f"{random_id[:_PREFIX]}{''.join(digits)}{random_id[_PREFIX + _PLACES :]}"


def is_fresh(grant_id: str, now: int) -> bool:
    """Return whether the write of a new grant with this id may begin at `now`."""
    digits = grant_id[_PREFIX : _PREFIX + _PLACES]
    step = sum(_DIGITS.index(digit) * len(_DIGITS) ** place for place, digit in enumerate(reversed(digits)))
    age: int = (now // STEP_SECONDS - step) % _STEPS * STEP_SECONDS
    return age < FRESH_SECONDS


def cheapest_cover(ended: Iterable[str], open_grants: Collection[str], now: int) -> IdCover:
    """Return the shortest cover of all `ended` ids, without the ids in `open_grants` and without ids of later grants.

    A range replaces names and smaller ranges if the range and its exceptions take fewer characters.
    """
    gone = sorted(set(ended))
    spared = sorted(set(open_grants).difference(gone))
    best = {name: _Cover(_length(name), (name,)) for name in gone}
    for end in _ENDS:
        best = _merged(best, Counter(name[:end] for name in spared), end, now)
    names = [name for each in best.values() for name in each.names]
    ranges = [name for each in best.values() for name in each.ranges]
    starts = {name[:-1] for name in ranges}
    exceptions = [name for name in spared if any(name[:end] in starts for end in _ENDS)]
    return IdCover(names, ranges, exceptions)


class _Cover(NamedTuple):
    length: int
    names: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()


def _merged(parts: dict[str, _Cover], spared: Counter[str], end: int, now: int) -> dict[str, _Cover]:
    """Return the shortest cover for each prefix of `end` characters, merged from those for longer prefixes."""
    groups: dict[str, list[_Cover]] = {}
    for name, cover in parts.items():
        groups.setdefault(name[:end], []).append(cover)
    merged = {}
    for start, covers in groups.items():
        apart = _Cover(
            sum(each.length for each in covers),
            tuple(name for each in covers for name in each.names),
            tuple(name for each in covers for name in each.ranges),
        )
        length = _length(f"{start}*") + spared[start] * _ID_LENGTH
        shorter = length < apart.length and _is_settled(start[_PREFIX:], now)
        merged[start] = _Cover(length, (), (f"{start}*",)) if shorter else apart
    return merged


def _is_settled(digits: str, now: int) -> bool:
    """Return whether all ids that begin with `digits` are settled, and not older than OLDEST_SECONDS."""
    first = 0
    for digit in digits:
        if digit not in _DIGITS:
            return False
        first = first * len(_DIGITS) + _DIGITS.index(digit)
    width: int = len(_DIGITS) ** (_PLACES - len(digits))
    present = now // STEP_SECONDS
    oldest = (present - first * width) % _STEPS
    newest = oldest - width + 1
    return (newest - 1) * STEP_SECONDS >= SETTLED_SECONDS and oldest * STEP_SECONDS < OLDEST_SECONDS


def _length(name: str) -> int:
    return len(name) + len('"",')


_ID_LENGTH = _length("g-" + 14 * "a")
