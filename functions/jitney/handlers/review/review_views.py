"""The review of a pending grant, as its agent sees it. Imported only for a grant that is pending."""

from typing import Any

from jitney.core.access.grant import Grant
from jitney.core.identity.requester import person_name
from jitney.core.review.recipients import people_asked
from jitney.core.review.reviewers import escalation_groups
from jitney.core.times import iso
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.review.current_reviewers import current_reviewers
from jitney.handlers.review.under_review import under_review


def review_view(grant: Grant, authenticated: AuthenticatedRequest) -> dict[str, Any]:
    """Return the reviewers of a pending grant, the page on which they decide, and the approvals so far.

    `review_url` is the link in the reviewers' notifications. Opening it gives no right.
    """
    ports, config = authenticated.ports, authenticated.ports.config
    asked = people_asked(
        under_review(grant, ports, authenticated.suspensions),
        current_reviewers(ports, authenticated.suspensions),
        authenticated.now,
    )
    return {
        "any_of": [list(groups) for groups in grant.reviews],
        "approved": list(grant.approvals),
        "escalated_to": sorted(escalation_groups(grant, config.reviewers, authenticated.now)),
        "reviewers": [person_name(each, config) for each in asked],
        "review_url": f"{ports.reviews_url}/{grant.id}",
        "expires_at": iso(grant.expires_at),
    }
