"""The reviews of pending grants, as their agent sees them. Imported only if a grant is pending."""

from collections.abc import Collection
from typing import Any

from jitney.core.access.grant import Grant
from jitney.core.identity.requester import person_name
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.recipients import people_asked
from jitney.core.review.reviewers import Groups, escalation_groups
from jitney.core.times import iso
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.review.current_reviewers import current_reviewers
from jitney.handlers.review.under_review import all_under_review, under_review


def review_view(grant: Grant, authenticated: AuthenticatedRequest) -> dict[str, Any]:
    """Return the reviewers of a pending grant, the page on which they decide, and the approvals so far.

    `review_url` is the link in the reviewers' notifications. Opening it gives no right.
    """
    review = under_review(grant, authenticated.ports, authenticated.suspensions)
    return _view(review, current_reviewers(authenticated.ports, authenticated.suspensions), authenticated)


def review_views(pending: Collection[Grant], authenticated: AuthenticatedRequest) -> dict[str, dict[str, Any]]:
    """Return the reviews of pending grants by the grants' ids, without those of calls whose grant is gone."""
    reviews = all_under_review(pending, authenticated.ports, authenticated.suspensions)
    groups = current_reviewers(authenticated.ports, authenticated.suspensions)
    return {each.grant.id: _view(each, groups, authenticated) for each in reviews}


def _view(review: GrantUnderReview, groups: Groups, authenticated: AuthenticatedRequest) -> dict[str, Any]:
    grant, config = review.grant, authenticated.ports.config
    asked = people_asked(review, groups, authenticated.now)
    return {
        "any_of": [list(groups) for groups in grant.reviews],
        "approved": list(grant.approvals),
        "escalated_to": sorted(escalation_groups(grant, config.reviewers, authenticated.now)),
        "reviewers": [person_name(each, config) for each in asked],
        "review_url": f"{authenticated.ports.reviews_url}/{grant.id}",
        "expires_at": iso(grant.expires_at),
    }
