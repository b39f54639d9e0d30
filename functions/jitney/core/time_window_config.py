"""Time windows of `jitney.yaml`, such as business hours or a change freeze, which policies name."""

from typing import NamedTuple


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
