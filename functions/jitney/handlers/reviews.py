"""GET /reviews and the pages below it: the list of requests, one request, its report, and out of office.

The function's role cannot write, so opening a link changes nothing (row REV 1).
"""

from collections.abc import Iterable
from functools import cache

from jitney.core.access.grant import OPEN_STATES, Grant
from jitney.core.review.bulk_rejection import offered_owners
from jitney.core.review.grant_under_review import requester_of_grant
from jitney.handlers.ending.ended_effects import ended_effects
from jitney.handlers.pages.bulk_rejection_page import show_bulk_rejection
from jitney.handlers.pages.out_of_office_page import show_out_of_office
from jitney.handlers.pages.request_list import by_urgency, level_of_grant, list_requests_for, title_of_grant
from jitney.handlers.pages.review_report import show_report
from jitney.handlers.pages.viewers import is_enough_alone, load_for_viewer, redirect_to_sign_in
from jitney.handlers.pages.visits import Page, Visit, pages
from jitney.handlers.review.break_glass import policies_permit_break_glass
from jitney.handlers.review.review_sheet import build_sheet
from jitney.handlers.runtime.ports import REVIEW_PORTS


def list_requests(visit: Visit) -> Page:
    """Return 200 with the requests that the person who is signed in may see."""
    if visit.session is None:
        return redirect_to_sign_in(visit)
    found = list_requests_for(visit.principal, visit.suspensions, visit.ports, visit.now)
    level_of = cache(lambda grant: level_of_grant(grant, visit.ports))
    values = {
        "decided": list(_decided(visit)),
        "offered": offered_owners([grant for grant, _ in found.waiting_for_viewer]),
        "requester_of": lambda grant: requester_of_grant(grant, visit.ports.config),
        "suspensions": visit.suspensions.in_force,
        "level_of": level_of,
        "title_of": lambda grant: title_of_grant(grant, visit.ports),
        "urgent": by_urgency(found.waiting_for_viewer, level_of, visit.now),
    }
    return Page(200, "requests", found._asdict() | values)


def show_request(visit: Visit) -> Page:
    """Return 200 with the path's request. Raises Problem grant_not_found, not_reviewer, or one of `build_sheet`."""
    if visit.session is None:
        return redirect_to_sign_in(visit)
    ports, now = visit.ports, visit.now
    grant, viewer = load_for_viewer(visit)
    current = grant.at(now)
    may_vote = viewer.may_vote(grant, now)
    sheet = build_sheet(grant, ports)
    enough = may_vote and not sheet.other_reviewers and is_enough_alone(current, viewer, visit.authenticated)
    values = {
        "grant": current,
        "sheet": sheet,
        "outliving": () if current.state in OPEN_STATES else ended_effects(current, ports),
        "viewer": viewer,
        "voted": viewer.present_vote(grant),
        "may_vote": may_vote,
        "may_break_glass": viewer.may_break_glass and policies_permit_break_glass(grant, ports),
        "enough_alone": enough,
        "settings": ports.config.break_glass,
    }
    return Page(200, "request", values)


def _decided(visit: Visit) -> Iterable[Grant]:
    """Yield the requests that the person voted on, the newest vote first. Leaves out those that cannot be read."""
    voted_on = visit.ports.vote_history.of(visit.principal.identity)
    readable = visit.ports.store.readable_grants(voted_on)
    for grant_id in voted_on:
        if grant := readable.get(grant_id):
            yield visit.suspensions.applied(grant).at(visit.now)


handler = pages(
    {
        "/reviews": list_requests,
        "/reviews/{id}": show_request,
        "/reviews/{id}/report": show_report,
        "/reviews/out-of-office": show_out_of_office,
        "/reviews/rejections": show_bulk_rejection,
    },
    {},
    (
        *REVIEW_PORTS,
        "follow_ups",
        "deny_list",
        "vote_history",
        "web_sessions",
        "trail_watches",
        "templates",
    ),
)
