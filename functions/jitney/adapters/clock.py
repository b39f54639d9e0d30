"""The one seam for time and randomness."""

import base64
import secrets
import time


def now() -> int:
    """Whole seconds since the epoch."""
    return int(time.time())


def monotonic_milliseconds() -> int:
    """A stopwatch: milliseconds since some moment, for differences only."""
    return time.monotonic_ns() // 1_000_000


def pause(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


def new_secret() -> str:
    """256 random bits, as 43 characters of base64url."""
    return secrets.token_urlsafe(32)


def new_id(prefix: str) -> str:
    """A fresh identifier such as "g-k3v7q2m5x4tbca": 70 random bits, short enough that many fit one deny document."""
    return f"{prefix}-{base64.b32encode(secrets.token_bytes(9)).decode().lower()[:14]}"
