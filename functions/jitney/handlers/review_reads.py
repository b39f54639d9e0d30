"""GET /v1/reviews and /v1/reviews/{id}: what the reviewers' pages show, for people who review in a terminal (REV 17).

The caller is a person with their own token for reviews. The function's role cannot vote.
"""

from functools import cache
from typing import Any

from jitney.core.access.grant import Grant
from jitney.core.review.content import content_hash
from jitney.core.review.grant_under_review import requester_of_grant
from jitney.core.review.safe_text import cut, escape_invisible
from jitney.core.review.sheet_document import MOST_TEXT, harm_document, sheet_document
from jitney.core.times import iso
from jitney.handlers.caller.authentication import authenticate_reviewer
from jitney.handlers.pages.request_list import Shown, by_urgency, level_of_grant, list_requests_for, title_of_grant
from jitney.handlers.pages.viewers import ViewerPermissions, load_for_person, reviewed_grant
from jitney.handlers.review.review_sheet import build_sheet
from jitney.handlers.runtime.edge import endpoints
from jitney.handlers.runtime.http import Request, Response
from jitney.handlers.runtime.ports import REVIEW_PORTS, Ports


def list_reviews(request: Request, ports: Ports) -> Response:
    """200 with the requests that the person may see, in the sections of the page. Raises Problem."""
    authenticated = authenticate_reviewer(request, ports)
    found = list_requests_for(authenticated.principal, authenticated.suspensions, ports, authenticated.now)
    level_of = cache(lambda grant: level_of_grant(grant, ports))

    def listed(section: list[Shown]) -> list[dict[str, Any]]:
        return [_listed(grant, level_of(grant), ports) for grant, _ in section]

    sections = {
        "waiting_for_you": [
            each | {"urgency": title}
            for title, group in by_urgency(found.waiting_for_viewer, level_of, authenticated.now)
            for each in listed(group)
        ],
        "waiting_for_others": listed(found.waiting_for_others),
        "follow_ups": listed(found.follow_ups),
        "active": listed(found.active),
    }
    return Response(200, {"reviewer": authenticated.principal.source_identity, **sections, "incomplete": found.more})


def _listed(grant: Grant, level: str, ports: Ports) -> dict[str, Any]:
    requester = requester_of_grant(grant, ports.config)
    return {
        "id": grant.id,
        "state": str(grant.state),
        "title": title_of_grant(grant, ports),
        "harm": harm_document(level),
        "on_behalf_of": requester.human_name,
        "human": requester.human,
        "agent": escape_invisible(grant.principal),
        "unit": escape_invisible(grant.unit),
        "reason": cut(grant.reason, MOST_TEXT),
        "created_at": iso(grant.created_at),
        "expires_at": iso(grant.expires_at),
        "content": content_hash(grant),
    }


def show_review(request: Request, ports: Ports) -> Response:
    """200 with the path's request, as its page shows it. Raises Problem: grant_not_found, not_reviewer, review_ended.

    `may_vote` says whether the person can vote now, `voted` how they voted on the present content.
    """
    authenticated = authenticate_reviewer(request, ports)
    with authenticated.counting_refusals():
        grant, viewer = load_for_person(reviewed_grant(authenticated), authenticated)
    return Response(
        200, {"review": sheet_document(build_sheet(grant, ports)) | _viewer(grant, viewer, authenticated.now)}
    )


def _viewer(grant: Grant, viewer: ViewerPermissions, now: int) -> dict[str, Any]:
    counted = viewer.present_vote(grant)
    return {
        "may_vote": viewer.may_vote(grant, now),
        "voted": str(counted.verdict) if counted else None,
        "on_behalf_of": [each.delegator.name for each in viewer.delegations],
    }


handler = endpoints(
    {("GET", "/v1/reviews"): list_reviews, ("GET", "/v1/reviews/{id}"): show_review},
    (*REVIEW_PORTS, "follow_ups", "deny_list"),
)
