"""Reads the values that determine who may decide about a grant.

For a call, these include its parent grant (row REV 16).
"""

from collections.abc import Collection

from jitney.core.access.grant import Grant
from jitney.core.access.suspensions import Suspensions
from jitney.core.problems import Problem
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.handlers.runtime.ports import Ports


def under_review(grant: Grant, ports: Ports, suspensions: Suspensions) -> GrantUnderReview:
    """Return the grant under review. Raises Problem review_ended for a call whose grant the store no longer has."""
    parent = ports.store.grant(grant.call.grant_id) if grant.call else None
    if grant.call and parent is None:
        detail = f"Grant {grant.call.grant_id}, in which the call would be made, no longer exists."
        raise Problem("review_ended", detail, "No decision is needed.")
    return GrantUnderReview(grant, ports.config, suspensions, parent)


def all_under_review(grants: Collection[Grant], ports: Ports, suspensions: Suspensions) -> list[GrantUnderReview]:
    """Return the grants under review, without calls whose grant is gone or unreadable. Reads all grants at once."""
    parents = ports.store.readable_grants({each.call.grant_id for each in grants if each.call})
    return [
        GrantUnderReview(each, ports.config, suspensions, parents.get(each.call.grant_id) if each.call else None)
        for each in grants
        if each.call is None or each.call.grant_id in parents
    ]
