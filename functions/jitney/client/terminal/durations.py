"""Durations on a command line: `90s`, `5m`, `1h30m`. A number without a unit is refused, because it is ambiguous."""

import re

# Bounded digits: a longer number is a typing error. The broker has the real limits.
_DURATION = re.compile(r"(?=[0-9])(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,7})s)?", re.ASCII)


def parse_duration(text: str) -> int:
    """Return the duration in whole seconds, at least 1. Raises ValueError with a sentence for any other text."""
    match = _DURATION.fullmatch(text)
    seconds = (
        sum(int(part or 0) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True)) if match else 0
    )
    if seconds < 1:
        raise ValueError(f"{text!r} is not a duration")
    return seconds


def format_duration(seconds: int) -> str:
    """Return the duration in the form that `parse_duration` reads: 300 is "5m", 0 is "0s"."""
    hours, rest = divmod(seconds, 3600)
    parts = ((hours, "h"), (rest // 60, "m"), (rest % 60, "s"))
    return "".join(f"{amount}{unit}" for amount, unit in parts if amount) or "0s"
