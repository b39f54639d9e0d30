"""Time as integer epoch seconds inside, as ISO 8601 in UTC outside."""

from datetime import UTC, datetime

_FORM = "%Y-%m-%dT%H:%M:%SZ"


def iso(seconds: int) -> str:
    """`seconds` since the epoch as "2026-11-24T12:05:00Z", the form that IAM's date conditions take."""
    return datetime.fromtimestamp(seconds, UTC).strftime(_FORM)


def epoch(text: str) -> int:
    """The seconds since the epoch of what `iso` wrote. Raises ValueError for anything else."""
    return int(datetime.strptime(text, _FORM).replace(tzinfo=UTC).timestamp())
