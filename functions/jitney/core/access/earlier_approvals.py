"""Earlier approvals of the same access, which a policy may let count again (row REV 11)."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from jitney.core.access.request import AccessRequest
from jitney.core.times import iso

HISTORY_SECONDS = 30 * 24 * 3600
"""How long an agent's grants are compared with its later requests, and their approvals can count."""


class EarlierApproval(NamedTuple):
    """The approval of an earlier grant of the same agent that covers all of a request.

    `groups` are the reviewer groups that approved this grant, but no newer grant that covers the request. `at` is the
    time of the approval in epoch seconds.
    """

    grant_id: str
    groups: tuple[str, ...]
    at: int

    def view(self) -> dict[str, Any]:
        """Return the approval as the API shows it."""
        return {"grant": self.grant_id, "groups": list(self.groups), "at": iso(self.at)}


EarlierApprovalsLookup: TypeAlias = Callable[[AccessRequest], tuple[EarlierApproval, ...]]
"""Returns the earlier approvals that count for a request, whose action wildcards are expanded."""


def approving_groups(approvals: Iterable[EarlierApproval]) -> frozenset[str]:
    """Return the reviewer groups of all approvals."""
    return frozenset(group for each in approvals for group in each.groups)
