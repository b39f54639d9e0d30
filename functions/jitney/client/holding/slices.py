"""How the credentials of a grant are renewed in slices."""

from dataclasses import dataclass

from jitney.client.api.responses import ApiCredentials, ApiGrant
from jitney.client.holding.grant_uses import end_of


@dataclass(frozen=True, slots=True)
class Slices:
    """How credentials are renewed in slices.

    Each slice ends after `seconds`, or with the grant if that is None. It is replaced when less than `margin` is left.
    A grant that is shorter than a slice is replaced in its last third. In the last `usable` seconds of a slice, no
    caller gets it any more.
    """

    seconds: int | None = 300
    margin: float = 60.0
    usable: float = 5.0


DEFAULT_SLICES = Slices()
WHOLE_GRANT = Slices(seconds=None, margin=0, usable=0)
"""One slice, which nothing replaces before its end."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a grant, with its credentials if it has any. `ends_at` is in epoch seconds."""

    grant: ApiGrant
    credentials: ApiCredentials | None
    ends_at: float
    margin: float
    usable: float

    def left(self, now: float) -> float:
        """Return how many seconds are left."""
        return self.ends_at - now

    def ends_with_grant(self, now: float) -> bool:
        """Return whether the grant has no further slice.

        False after the end, because the clock can be wrong: the broker says whether the grant has ended.
        """
        return self.left(now) > 0 and end_of(self.grant.expires_at) - self.ends_at <= self.usable
