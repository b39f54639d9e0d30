"""Which earlier approvals cover a request of the same agent, so that a policy can let them count again (row REV 11).

Pure.
"""

from collections.abc import Iterable
from operator import itemgetter

from jitney.core.access.current_names import has_current_names
from jitney.core.access.earlier_approvals import HISTORY_SECONDS, EarlierApproval
from jitney.core.access.grant import Grant, State
from jitney.core.access.grant_effects import was_obtained
from jitney.core.access.request import AccessRequest
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget
from jitney.core.review.covered_access import gives_as_much
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.reviewers import without_suspended
from jitney.core.review.votes import present_approvals

_UNDISPUTED = frozenset({State.ACTIVE, State.EXPIRED, State.RELEASED})
"""The states of an approved grant that no person has revoked."""


def covering_approvals(
    reviews: Iterable[GrantUnderReview], request: AccessRequest, requested_at: int, now: int
) -> tuple[EarlierApproval, ...]:
    """Return the approvals among the agent's earlier grants that cover all of `request`, the newest first.

    An approval counts if all of this holds:
    - Its reviewers saw that it would count again, and one grant gave all that is requested, for at least as long.
    - It was given in the 30 days before `requested_at` (epoch seconds), and the agent obtained the access.
    - Reviewers gave it, not a policy, break-glass or another approval. No person has revoked the grant.
    - No suspension of the agent or target is incomplete, even if it was lifted. It ends approvals with what it revokes.
    - At `now`, the voters are still members of the group, and neither owners of the agent nor suspended.
    - The target, and the names of the agent and its person, are still the same.
    """
    found: list[EarlierApproval] = []
    known, budget = set[str](), Budget(MAX_REQUEST_STEPS)
    approved = [(at, each) for each in reviews if (at := each.grant.starts_at) is not None]
    for at, review in sorted(approved, key=itemgetter(0), reverse=True):
        grant = review.grant
        if not requested_at - HISTORY_SECONDS < at or not _was_reviewed(grant):
            continue
        if not _is_current(review, request) or not _gave(grant, request, budget):
            continue
        groups = without_suspended(review.config.reviewers, review.suspensions, review.config)
        new = present_approvals(review, groups, now) - known
        if new:
            found.append(EarlierApproval(grant.id, tuple(sorted(new)), at))
            known |= new
    return tuple(found)


def _was_reviewed(grant: Grant) -> bool:
    reviewed = grant.counts_again and grant.call is None and grant.break_glass is None
    return reviewed and was_obtained(grant) and grant.state in _UNDISPUTED


def _is_current(review: GrantUnderReview, request: AccessRequest) -> bool:
    grant, target = review.grant, review.config.targets.get(review.grant.target)
    if review.suspensions.has_missing_ends(grant):
        return False
    if target is None or grant.target != request.target or not has_current_names(grant, review.config):
        return False
    return grant.role_arn in target.role_arns and (grant.account, grant.region) == (target.account, target.region)


def _gave(grant: Grant, request: AccessRequest, budget: Budget) -> bool:
    same_profile = grant.access_profile == request.access_profile
    return same_profile and grant.duration_seconds >= request.duration_seconds and gives_as_much(grant, request, budget)
