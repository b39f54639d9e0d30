"""GET /reviews/rejections: the step before many requests are rejected at once. It writes nothing (row REV 18)."""

from functools import cache

from jitney.core.review.bulk_rejection import MOST_REJECTIONS, owner_in, requests_of
from jitney.core.review.content import content_hash
from jitney.core.review.grant_under_review import requester_of_grant
from jitney.handlers.pages.request_list import level_of_grant, list_requests_for, title_of_grant
from jitney.handlers.pages.viewers import redirect_to_sign_in
from jitney.handlers.pages.visits import Page, Visit


def show_bulk_rejection(visit: Visit) -> Page:
    """Return 200 with the requests of one agent or unit that wait for the person, and the form that rejects them.

    Raises Problem request_invalid for a query that names no agent and no unit.
    """
    if visit.session is None:
        return redirect_to_sign_in(visit)
    ports, principal = visit.ports, visit.principal
    owner = owner_in(visit.request.query)
    found = list_requests_for(principal, visit.suspensions, ports, visit.now)
    waiting = requests_of(owner, [grant for grant, _ in found.waiting_for_viewer])
    values = {
        "owner": owner,
        "requests": waiting[:MOST_REJECTIONS],
        "later": len(waiting[MOST_REJECTIONS:]),
        "incomplete": "pending" in found.more,
        "content_of": content_hash,
        "requester_of": lambda grant: requester_of_grant(grant, ports.config),
        "level_of": cache(lambda grant: level_of_grant(grant, ports)),
        "title_of": lambda grant: title_of_grant(grant, ports),
    }
    return Page(200, "bulk_rejection", values)
