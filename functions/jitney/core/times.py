"""Times: epoch seconds inside Jitney, ISO 8601 in UTC outside."""

from datetime import UTC, date, datetime
from functools import lru_cache

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


LATEST = 253_402_300_799
"""The last second that the calendar has, in epoch seconds."""


def are_times(*values: int | None) -> bool:
    """Return whether each value is a time that `iso` can show, or None."""
    return all(each is None or 0 <= each <= LATEST for each in values)


@lru_cache(maxsize=256)  # one request writes the same few times often
def iso(seconds: int) -> str:
    """Return `seconds` since the epoch as "2026-11-24T12:05:00Z", the form of IAM's date conditions."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix("+00:00") + "Z"


def epoch(text: str) -> int:
    """Return the epoch seconds of a text that `iso` wrote. Raises ValueError for any other text."""
    seconds = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    if iso(seconds) != text:
        raise ValueError(f"not a time in the form 2026-11-24T12:05:00Z: {text[:40]!a}")
    return seconds


def utc_date(seconds: float) -> date:
    """Return the day of a time (epoch seconds) in UTC."""
    return datetime.fromtimestamp(seconds, UTC).date()


def format_time(seconds: int) -> str:
    """Return a time to the minute, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def form_time(seconds: int) -> str:
    """Return a time to the minute in UTC, as the value of a form field "datetime-local"."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M")


def format_clock(seconds: int, now: int) -> str:
    """Return a time to the minute in UTC, without its date if that is the date of `now`: "13:00 UTC"."""
    whole = format_time(seconds)
    return whole.partition(" ")[2] if whole[:10] == format_time(now)[:10] else whole


def format_duration(seconds: int) -> str:
    """Return a duration in words: "1 hour 30 minutes"."""
    parts = []
    for size, unit in _UNITS:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}{'s' if count > 1 else ''}")
    return " ".join(parts) or "no time"


def rough_duration(seconds: int) -> str:
    """Return a duration in its largest unit, rounded down: "59 minutes"."""
    return next(
        (f"{count} {unit}{'s' if count > 1 else ''}" for size, unit in _UNITS if (count := seconds // size) > 0),
        "less than a second",
    )
