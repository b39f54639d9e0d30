"""The gauges that the reconciler writes at the end of each run: roles that do not deny, and what waits for people.

Each run writes a value, even 0, so the last value is the present state.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from jitney.core.access.grant import Grant
from jitney.core.records.record_metrics import MetricUnit, MetricValue

ROLES_NOT_DENYING = "RolesNotDenying"
"""Roles on which AWS may still accept credentials of ended or suspended grants."""
PENDING_REVIEWS = "PendingReviews"
"""Requests that wait for reviewers."""
OLDEST_PENDING = "OldestPendingSeconds"
"""How many seconds the oldest of these requests has waited, or 0."""
OVERDUE_FOLLOW_UPS = "OverdueFollowUps"
"""Uses of break-glass whose follow-up review is overdue."""


@dataclass
class Gauges:
    """What one run of the reconciler found.

    `not_denying` names roles. `pending_since` has the time of each pending request, by its grant. It is None if some
    requests could not be read. `overdue` is None until it is read. A gauge that could not be read has no value, so its
    alarm does not change.
    """

    not_denying: set[str] = field(default_factory=set)
    pending_since: dict[str, int] | None = field(default_factory=dict)
    overdue: int | None = None

    def read_pending(self, read: Callable[[], Iterable[Grant]]) -> list[Grant]:
        """Return the pending requests that `read` returns, and count them.

        The index may yield a request twice, which counts once.
        """
        known, self.pending_since = self.pending_since, None
        pending = list(read())
        if known is not None:
            self.pending_since = known | {each.id: each.created_at for each in pending}
        return pending

    def values(self, now: int) -> Iterator[MetricValue]:
        """Yield the values at the end of the run."""
        yield MetricValue(ROLES_NOT_DENYING, len(self.not_denying))
        if self.pending_since is not None:
            oldest = min(self.pending_since.values(), default=now)
            yield MetricValue(PENDING_REVIEWS, len(self.pending_since))
            yield MetricValue(OLDEST_PENDING, max(0, now - oldest), MetricUnit.SECONDS)
        if self.overdue is not None:
            yield MetricValue(OVERDUE_FOLLOW_UPS, self.overdue)
