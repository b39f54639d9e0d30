"""Delegation: who votes on behalf of an out-of-office reviewer (row REV 6)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delegation:
    """A delegation by `delegator` (a source identity) in one reviewer group, from `starts_at` to before `ends_at`.

    Times in epoch seconds. `out_of_office_id` is the id under which the out of office was recorded, so that a vote's
    delegation can be verified.
    """

    group: str
    delegator: str
    out_of_office_id: str
    starts_at: int
    ends_at: int

    def in_force(self, at: int) -> bool:
        """Return whether the delegation is in force at `at`."""
        return self.starts_at <= at < self.ends_at
