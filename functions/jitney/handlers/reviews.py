"""GET /reviews and what is below it: what waits, is active or was decided; and one request, as its reviewers see it.

The role of this function can write nothing: looking changes nothing, whoever or whatever looks (row REV 1).
"""

from collections.abc import Iterable

from jitney.core.access.grant import Grant, State
from jitney.core.review.content import content_hash
from jitney.handlers.out_of_office_page import show_out_of_office
from jitney.handlers.pages import Page, Visit, pages
from jitney.handlers.request_list import list_requests_for
from jitney.handlers.review_report import show_report
from jitney.handlers.review_sheet import build_sheet
from jitney.handlers.viewers import load_for_viewer, redirect_to_sign_in


def list_requests(visit: Visit) -> Page:
    """200 with what concerns whoever is signed in: waiting for them, for others, active, decided by them."""
    if visit.session is None:
        return Page(303, location=f"{visit.path}/reviews/sign-in")
    found = list_requests_for(visit.principal, visit.ports, visit.now)
    operator = bool(visit.principal.groups & set(visit.ports.config.operators))
    return Page(200, "requests", found._asdict() | {"decided": list(_decided(visit)), "operator": operator})


def show_request(visit: Visit) -> Page:
    """200 with the request of the path's id. Raises Problem grant_not_found, not_reviewer, or what `sheet` raises."""
    if visit.session is None:
        return redirect_to_sign_in(visit)
    ports, now = visit.ports, visit.now
    grant, standing = load_for_viewer(visit)
    current = grant.at(now)
    voted = standing.vote if standing.vote and standing.vote.content == content_hash(grant) else None
    may_vote = current.state is State.PENDING and bool(standing.groups)
    values = {
        "grant": current,
        "sheet": build_sheet(grant, ports),
        "standing": standing,
        "voted": voted,
        "may_vote": may_vote,
        "settings": ports.config.break_glass,
    }
    return Page(200, "request", values)


def _decided(visit: Visit) -> Iterable[Grant]:
    """What the person voted on lately, the newest first, as it stands now."""
    for grant_id in visit.ports.vote_history.of(visit.principal.source_identity):
        if grant := visit.ports.store.grant(grant_id):
            yield grant.at(visit.now)


handler = pages(
    {
        "/reviews": list_requests,
        "/reviews/{id}": show_request,
        "/reviews/{id}/report": show_report,
        "/reviews/out-of-office": show_out_of_office,
    },
    {},
    (
        "config",
        "policies",
        "actions",
        "store",
        "out_of_office",
        "follow_ups",
        "vote_history",
        "web_sessions",
        "templates",
    ),
)
