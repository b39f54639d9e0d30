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
        owner = rejection_key(self.who.unit_key, self.who.human)
        return () if found and _was_rejected(request, owner, role_arn, ports, now) else found


@dataclass(frozen=True, slots=True)
class EarlierApprovalsOfGrant:
    """The `earlier_approvals` of a grant that still count for the grant, or for a call in it.

    It implements `jitney.core.access.earlier_approvals.EarlierApprovalsLookup`. An approval that was given in the 30
    days before the request counts until the grant ends. While the grant is under review, what ends approvals for new
    requests ends them for the grant, too: the revocation of another grant, or a rejection of some of the same access.
    """

    ports: Ports
    suspensions: Suspensions
    grant: Grant
    now: int

    def __call__(self, request: AccessRequest) -> tuple[EarlierApproval, ...]:
        """Return the approvals, the newest first. Raises Problem unavailable when the store fails."""
        grant, ports, at = self.grant, self.ports, self.grant.created_at
        ids, waits = tuple(each.grant_id for each in grant.earlier_approvals), grant.starts_at is None
        if ids and waits:
            counting = ports.store.counting_approvals(grant.owner_key, grant.role_arn, at)
            ids = tuple(each for each in ids if each in counting)
        found = _covering(ids, ports, self.suspensions, request, self.now, at) if ids else ()
        owner = rejection_key(grant.unit_key, grant.human)
        ended = waits and found and _was_rejected(request, owner, grant.role_arn, ports, self.now)
        return () if ended else found


def _was_rejected(request: AccessRequest, owner: str, role_arn: str, ports: Ports, now: int) -> bool:
    """Return whether a request of a `rejection_key` for some of the same access was rejected in the last day."""
    rejected = ports.store.rejections(owner, role_arn, None, now)
    return any(equal_rejections(request.permissions, rejected))


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
