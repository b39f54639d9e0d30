"""The approvals of a grant that policies see now, and the approvals that its calls inherit (rows REV 3, 8 and GW 4).

Pure.
"""

from jitney.core.access.request import Way
from jitney.core.review.break_glass import break_glass_approvals
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.reviewers import without_suspended
from jitney.core.review.votes import present_approvals, valid_approvals


def approvals_in_force(review: GrantUnderReview, now: int) -> frozenset[str]:
    """Return the approvals of a grant that are valid now, including those that break-glass replaces.

    In a grant for the gateway, a vote does not count if the voter left the group after voting.
    """
    grant = review.grant
    if not grant.break_glass and not grant.approvals:
        return frozenset()
    groups = without_suspended(review.config.reviewers, review.suspensions, review.config)
    if grant.break_glass:
        return break_glass_approvals(review, groups)
    return present_approvals(review, groups, now) if grant.way is Way.GATEWAY else valid_approvals(review, groups)


def inherited_approvals(review: GrantUnderReview, now: int) -> frozenset[str]:
    """Return the approvals of the grant in which a reviewed call is made; frozenset() for a grant without a call."""
    if review.parent is None:
        return frozenset()
    return approvals_in_force(GrantUnderReview(review.parent, review.config, review.suspensions), now)
