"""The approvals of the same access that a request's agent got before (row REV 11)."""

from dataclasses import dataclass

from jitney.core.access.earlier_approvals import EarlierApproval
from jitney.core.access.grant import Grant
from jitney.core.access.rejections import equal_rejections
from jitney.core.access.request import AccessRequest
from jitney.core.access.suspensions import Suspensions
from jitney.core.identity.principal import Principal, rejection_key
from jitney.core.review.covering_approvals import covering_approvals
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.target_config import Target
from jitney.handlers.runtime.ports import Ports


@dataclass(frozen=True, slots=True)
class EarlierApprovalsOfAgent:
    """The earlier approvals that count for a new request of `who` on `target`.

    It implements `jitney.core.access.earlier_approvals.EarlierApprovalsLookup`. For a day after the rejection of a
    request for some of the same access, none counts. So a repeat that says what changed is reviewed.
    """

    ports: Ports
    suspensions: Suspensions
    who: Principal
    target: Target
    now: int

    def __call__(self, request: AccessRequest) -> tuple[EarlierApproval, ...]:
        """Return the approvals, the newest first. Raises Problem unavailable when the store fails."""
        ports, now, role_arn = self.ports, self.now, self.target.role_arn
        ids = ports.store.counting_approvals(self.who.owner_key, role_arn, now)
        found = _covering(ids, ports, self.suspensions, request, now) if ids else ()
        if not found:
            return ()
        rejected = ports.store.rejections(rejection_key(self.who.unit_key, self.who.human), role_arn, None, now)
        return () if any(equal_rejections(request.permissions, rejected)) else found


@dataclass(frozen=True, slots=True)
class EarlierApprovalsOfGrant:
    """The `earlier_approvals` of a grant that still count for the grant, or for a call in it.

    It implements `jitney.core.access.earlier_approvals.EarlierApprovalsLookup`. An approval that was given in the 30
    days before the request counts until the grant ends.
    """

    ports: Ports
    suspensions: Suspensions
    grant: Grant
    now: int

    def __call__(self, request: AccessRequest) -> tuple[EarlierApproval, ...]:
        """Return the approvals, the newest first. Raises Problem unavailable when the store fails."""
        ids = tuple(each.grant_id for each in self.grant.earlier_approvals)
        at = self.grant.created_at
        return _covering(ids, self.ports, self.suspensions, request, self.now, at) if ids else ()


def _covering(
    ids: tuple[str, ...],
    ports: Ports,
    suspensions: Suspensions,
    request: AccessRequest,
    now: int,
    requested_at: int | None = None,
) -> tuple[EarlierApproval, ...]:
    grants = ports.store.readable_grants(ids).values()
    # A grant of one call needs the grant that it was made in, and its approval never counts again.
    reviews = [GrantUnderReview(each, ports.config, suspensions) for each in grants if each.call is None]
    return covering_approvals(reviews, request, now if requested_at is None else requested_at, now)
