"""Time as integer epoch seconds inside, as ISO 8601 in UTC outside."""

from datetime import UTC, datetime


def iso(seconds: int) -> str:
    """`seconds` since the epoch as "2026-11-24T12:05:00Z", the form that IAM's date conditions take."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
