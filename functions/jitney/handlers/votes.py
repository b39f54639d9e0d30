"""POST /reviews/{id}: a reviewer's vote, by the form of the request's page."""

from jitney.core.access.grant import Grant, VoteVerdict
from jitney.core.problems import Problem
from jitney.core.review.content import content_hash
from jitney.core.review.selection import narrowed_approval, selected_permissions
from jitney.handlers.ballots import Ballot, comment_of, vote
from jitney.handlers.break_glass import break_glass
from jitney.handlers.pages import FormVisit, Page, pages
from jitney.handlers.ports import REVIEW_PORTS


def vote_on_request(visit: FormVisit) -> Page:
    """Submit the vote, and return 303 to the request. Raises the problems of `handlers.ballots.vote`."""
    grant = visit.stored_grant()
    with visit.call.counting_refusals():
        ballot = _ballot(visit, grant)
    vote(ballot, visit.ports)
    return Page(303, location=f"{visit.path}/reviews/{grant.id}")


def _ballot(visit: FormVisit, grant: Grant) -> Ballot:
    verdict, content = visit.form("verdict"), visit.form("content")
    if verdict not in set(VoteVerdict):
        raise Problem("request_invalid", "The verdict is neither approve nor reject.", "Open the page again.")
    narrowing = None
    # If the request changed since the reviewer saw it, `vote` refuses the whole ballot.
    if verdict == VoteVerdict.APPROVE and content == content_hash(grant):
        permissions = selected_permissions(grant, visit.fields.get("action", []), visit.fields.get("resource", []))
        narrowing = narrowed_approval(grant, permissions, visit.form("seconds"))
    return Ballot(
        grant_id=grant.id,
        voter=visit.principal,
        verdict=VoteVerdict(verdict),
        content=content,
        comment=comment_of(VoteVerdict(verdict), visit.form("comment")),
        via="web",
        origin=visit.request.origin,
        narrowing=narrowing,
    )


handler = pages(
    {},
    {"/reviews/{id}": vote_on_request, "/reviews/{id}/break-glass": break_glass},
    (
        *REVIEW_PORTS,
        "follow_ups",
        "approval_workflow",
        "web_sessions",
        "templates",
    ),
)
