"""The only source of time and randomness."""

import secrets
import time

_BASE32 = bytes(b"abcdefghijklmnopqrstuvwxyz234567"[byte % 32] for byte in range(256))
"""A letter of base32 for each byte."""


def now() -> int:
    """Return epoch seconds."""
    return int(time.time())


def now_milliseconds() -> int:
    """Return epoch milliseconds."""
    return time.time_ns() // 1_000_000


def monotonic_milliseconds() -> int:
    """Return the milliseconds of a monotonic clock. Only differences have a meaning."""
    return time.monotonic_ns() // 1_000_000


def pause(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


def pause_up_to(most_seconds: float) -> None:
    """Wait for a random time, so that callers that wait equally long do not retry together."""
    time.sleep(secrets.randbelow(1000) / 1000 * most_seconds)


def random_below(bound: int) -> int:
    """Return a random number from 0 to `bound` - 1."""
    return secrets.randbelow(bound)


def new_secret() -> str:
    """Return 256 random bits as 43 characters of base64url."""
    return secrets.token_urlsafe(32)


def new_id(prefix: str) -> str:
    """Return a new identifier, such as "g-k3v7q2m5x4tbca".

    It has 70 random bits. It is short, so that many fit into one deny document.
    """
    return f"{prefix}-{secrets.token_bytes(14).translate(_BASE32).decode()}"
