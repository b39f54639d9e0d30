"""A delegation: a person votes on behalf of a reviewer who is out of office (row REV 6)."""

from dataclasses import asdict, dataclass
from typing import Any

from jitney.core.stored_identity import Identity


@dataclass(frozen=True, slots=True)
class Delegation:
    """A delegation by `delegator` in one reviewer group.

    It begins at `starts_at` and ends before `ends_at`.

    Times are epoch seconds. `out_of_office_id` is the id of the delegator's out-of-office entry. Records name it, so
    that a vote's delegation can be verified.
    """

    group: str
    delegator: Identity
    out_of_office_id: str
    starts_at: int
    ends_at: int

    def view(self) -> dict[str, Any]:
        """Return the delegation as records have it."""
        return asdict(self) | {"delegator": self.delegator.name}

    def in_force(self, at: int) -> bool:
        """Return whether the delegation is in force at `at`."""
        return self.starts_at <= at < self.ends_at
