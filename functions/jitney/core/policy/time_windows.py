"""Which time windows are open during a grant. Policies are evaluated for each set of windows that are open together.

So a grant that policies permit only in business hours ends before they end. A grant that they forbid in a change freeze
ends before the freeze begins.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, Self

from jitney.core.policy.local_times import epoch_seconds
from jitney.core.time_window_config import TimeWindow, WeeklyHours

SECONDS_AHEAD = 30 * 86_400
"""How far ahead a denial looks for the time from which policies permit the request."""
DAYS_AHEAD = 32
"""How far after the day of a decision the changes of its windows are known: for a grant that begins then, too."""
SECONDS_OF_NOTICE = 60
"""A suggested duration ends this long before a window's change, so that there is time to request it."""
_DAY = 86_400

Change = tuple[int, frozenset[str]]
"""A time in epoch seconds, and the windows that are open from then on."""


class WindowTimes(NamedTuple):
    """The windows that are open at the time `now` of a decision, and the changes after it, in epoch seconds.

    At least one of the `changes` is at `now` or before. A call is decided for `call_seconds`, or only for now if 0.
    """

    now: int
    changes: tuple[Change, ...]
    call_seconds: int = 0

    @classmethod
    def at(cls, windows: Mapping[str, TimeWindow], now: int, ends_at: int | None = None, call_seconds: int = 0) -> Self:
        """Return the times of the windows from `now` on. Changes from `ends_at` on are left out.

        Without windows, the result is the same at each time.
        """
        if not windows:
            return cls.always()
        changes = _changes(tuple(windows.items()), now // _DAY)
        if ends_at is not None:
            changes = changes[: bisect_left(changes, max(ends_at, now + 1), key=itemgetter(0))]
        return cls(now, changes, call_seconds)

    @classmethod
    def always(cls, *names: str) -> Self:
        """Return the times for windows that stay open, with all others closed."""
        return cls(0, ((0, frozenset(names)),))

    def steady(self, seconds: int) -> Self:
        """Return what is equal at all times at which these windows are open and no other opens or closes in `seconds`.

        If one does, return the times as they are.
        """
        changes = bisect_left(self.changes, self.now + seconds, key=itemgetter(0)) > self._next
        return self if changes else self.always(*self.changes[self._next - 1][1])

    def during(self, seconds: int, named: frozenset[str]) -> tuple[tuple[str, ...], ...]:
        """Return each set of the `named` windows that are open together in the next `seconds`, or only now for 0."""
        end = bisect_left(self.changes, self.now + max(seconds, 1), key=itemgetter(0))
        meeting = self.changes[self._next - 1 : end]
        return tuple(dict.fromkeys(tuple(sorted(names & named)) for _, names in meeting))

    def durations_to_changes(self, most: int) -> frozenset[int]:
        """Return the durations below `most` seconds that end shortly before a change."""
        end = bisect_left(self.changes, self.now + most + SECONDS_OF_NOTICE, key=itemgetter(0))
        durations = (time - self.now - SECONDS_OF_NOTICE for time, _ in self.changes[self._next : end])
        return frozenset(each for each in durations if each > 0)

    def later(self) -> Iterator[Self]:
        """Yield the times as they are at each change of the next `SECONDS_AHEAD`."""
        end = bisect_right(self.changes, self.now + SECONDS_AHEAD, key=itemgetter(0))
        for time, _ in self.changes[self._next : end]:
            yield self._replace(now=time)

    @property
    def _next(self) -> int:
        """The place of the first change after `now`."""
        return bisect_right(self.changes, self.now, key=itemgetter(0))


@lru_cache(maxsize=400)  # a replay reads the records of a year in any order
def _changes(windows: tuple[tuple[str, TimeWindow], ...], day: int) -> tuple[Change, ...]:
    """Return the changes of all windows from a day (since the epoch) on. The first is before that day."""
    start, end = (day - 1) * _DAY, (day + DAYS_AHEAD) * _DAY
    steps = (
        (max(time, start), name, step)
        for name, window in windows
        for opens, closes in _spans(window, start, end)
        for time, step in ((opens, 1), (closes, -1))
    )
    open_spans, found = Counter[str](), [(start, frozenset[str]())]
    for time, together in groupby(sorted(each for each in steps if each[0] < end), itemgetter(0)):
        for _, name, step in together:
            open_spans[name] += step
        names = frozenset(+open_spans)
        if time == start:
            found[0] = (start, names)
        elif names != found[-1][1]:
            found.append((time, names))
    return tuple(found)


def _spans(window: TimeWindow, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield when a window opens and closes, for all of its times that meet the range."""
    yield from (span for span in window.periods if span[0] < end and span[1] > start)
    if window.weekly:
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - its import takes 6 ms, and most systems have no such window

        zone = ZoneInfo(window.time_zone)
        first = datetime.fromtimestamp(start, UTC).date() - timedelta(days=2)
        for date in (first + timedelta(days=each) for each in range((end - start) // _DAY + 4)):
            midnight = datetime(date.year, date.month, date.day)  # noqa: DTZ001 - its zone is added with the hour
            for hours in window.weekly:
                if date.weekday() in hours.days:
                    yield _hours_on(midnight, hours, zone)


def _hours_on(midnight: datetime, hours: WeeklyHours, zone: tzinfo) -> tuple[int, int]:
    """Return when weekly hours begin and end that begin on a day. Clock changes move them as they move the clock."""
    last = hours.closes if hours.closes > hours.opens else hours.closes + 24 * 60
    opens, closes = (epoch_seconds(midnight + timedelta(minutes=each), zone) for each in (hours.opens, last))
    return opens, closes
