"""Local times of a time zone as moments, also where its clocks skip a time or show it twice."""

from bisect import bisect_left
from datetime import datetime, timedelta, tzinfo


def epoch_seconds(local: datetime, zone: tzinfo) -> int:
    """Return when the clocks of a zone first show a local time, in epoch seconds.

    A time that they skip is the moment at which they skip it. So a later local time is never an earlier moment.
    """
    first, second = (int(local.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1))
    if first <= second:
        return first
    # The clocks skip it between both, to a larger offset from UTC.
    return second + bisect_left(range(second, first), _offset(first, zone), key=lambda moment: _offset(moment, zone))


def _offset(moment: int, zone: tzinfo) -> timedelta:
    return datetime.fromtimestamp(moment, zone).utcoffset() or timedelta()
