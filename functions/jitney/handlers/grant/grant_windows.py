"""The time windows that are open during a grant."""

from jitney.core.access.grant import Grant
from jitney.core.config import Config
from jitney.core.policy.time_windows import WindowTimes


def grant_windows(config: Config, now: int, grant: Grant | None, call_seconds: int = 0) -> WindowTimes:
    """Return the time windows from `now` on. For a grant that has begun, they end with the grant.

    A call is decided for `call_seconds`.
    """
    ends_at = grant.expires_at if grant is not None and grant.starts_at is not None else None
    return WindowTimes.at(config.time_windows, now, ends_at, call_seconds)
