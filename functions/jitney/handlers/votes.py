"""POST /reviews/{id}: a reviewer's vote, by the form of the request's page."""

from jitney.core.access.grant import Grant, VoteVerdict
from jitney.core.problems import Problem
from jitney.core.review.content import content_hash
from jitney.core.review.selection import selected_permissions
from jitney.handlers.ballots import Ballot, comment_of, narrowed_approval, vote
from jitney.handlers.break_glass import break_glass
from jitney.handlers.pages import Page, Visit, pages


def vote_on_request(visit: Visit) -> Page:
    """303 to the request, which shows what came of it. Raises Problem as `handlers.ballots.vote`, and form_token_invalid."""
    visit.require_form()
    ports = visit.ports
    grant = ports.store.grant(visit.valid_grant_id) if visit.valid_grant_id else None
    if grant is None:
        raise Problem("grant_not_found", "There is no request of this id.", "Check the link.")
    with visit.call.counting_refusals():
        ballot = _ballot(visit, grant)
    vote(ballot, ports)
    return Page(303, location=f"{visit.path}/reviews/{grant.id}")


def _ballot(visit: Visit, grant: Grant) -> Ballot:
    verdict, content = visit.form("verdict"), visit.form("content")
    if verdict not in set(VoteVerdict):
        raise Problem("request_invalid", "The form says neither approve nor reject.", "Open the page again.")
    less = None
    # Of a request that is not what the reviewer saw, no part is taken: `vote` refuses it.
    if verdict == VoteVerdict.APPROVE and content == content_hash(grant):
        permissions = selected_permissions(grant, visit.fields.get("action", []), visit.fields.get("resource", []))
        less = narrowed_approval(grant, permissions, visit.form("seconds"))
    return Ballot(
        grant_id=grant.id,
        voter=visit.principal,
        verdict=VoteVerdict(verdict),
        content=content,
        comment=comment_of(VoteVerdict(verdict), visit.form("comment")),
        via="web",
        origin=visit.request.origin,
        less=less,
    )


handler = pages(
    {("POST", "/reviews/{id}"): vote_on_request, ("POST", "/reviews/{id}/break-glass"): break_glass},
    ("config", "policies", "actions", "store", "out_of_office", "follow_ups", "reviews", "web_sessions", "templates"),
)
