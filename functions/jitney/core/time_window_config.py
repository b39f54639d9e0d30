"""Time windows of `jitney.yaml`, such as business hours or a change freeze, which policies name."""

from bisect import bisect_left
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo


class WeeklyHours(NamedTuple):
    """Hours that repeat each week, in minutes after midnight of the window's time zone.

    `days` are the days on which they begin, 0 for Monday. If `closes` is not after `opens`, they end on the next day.
    """

    days: tuple[int, ...]
    opens: int
    closes: int


class TimeWindow(NamedTuple):
    """When a window is open: in its weekly hours, and in its periods, each from its first second to before its last.

    `time_zone` is a name of the IANA database. Periods are in epoch seconds.
    """

    time_zone: str
    weekly: tuple[WeeklyHours, ...]
    periods: tuple[tuple[int, int], ...]


def epoch_seconds(local: datetime, zone: ZoneInfo) -> int:
    """Return when the clocks of a zone first show a local time, in epoch seconds.

    A time that they skip is the moment at which they skip it. So a later local time is never an earlier moment.
    """
    first, second = (int(local.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    if first <= second:
        return first
    # The clocks skip it between both, to a larger offset from UTC.
    return second + bisect_left(range(second, first), _offset(first, zone), key=lambda moment: _offset(moment, zone))


def _offset(moment: int, zone: ZoneInfo) -> timedelta:
    return datetime.fromtimestamp(moment, zone).utcoffset() or timedelta()
