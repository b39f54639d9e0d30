"""In whose place somebody votes while that person is away (row REV 6)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delegation:
    """The place of `absent`, a source identity, in a reviewer group, from `starts_at` to before `ends_at` (epoch s).

    `absence` is the id by which the absence is on record, so that what a vote says of it can be proven.
    """

    group: str
    delegator: str
    absence: str
    starts_at: int
    ends_at: int

    def holds(self, at: int) -> bool:
        """Whether it is in force at `at`."""
        return self.starts_at <= at < self.ends_at
