"""Time as integer epoch seconds inside, as ISO 8601 in UTC outside."""

from datetime import UTC, datetime


def iso(seconds: int) -> str:
    """`seconds` since the epoch as "2026-11-24T12:05:00Z", the form that IAM's date conditions take."""
    return datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix("+00:00") + "Z"


def epoch(text: str) -> int:
    """The seconds since the epoch of what `iso` wrote. Raises ValueError for anything else."""
    seconds = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    if iso(seconds) != text:
        raise ValueError("this is not a time as Jitney writes it")
    return seconds
