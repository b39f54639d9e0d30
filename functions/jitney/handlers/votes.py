"""POST /reviews/{id}: a reviewer's vote, by the form of the request's page."""

from jitney.core.access.grant import Grant, Verdict
from jitney.core.problems import Problem
from jitney.core.review.choices import left
from jitney.core.review.content import content_hash
from jitney.handlers.glass import break_glass
from jitney.handlers.pages import Page, Visit, pages
from jitney.handlers.voting import Ballot, comment_of, less_of, vote


def vote_on_request(visit: Visit) -> Page:
    """303 to the request, which shows what came of it. Raises Problem as `handlers.voting.vote`, and form_refused."""
    visit.require_form()
    ports = visit.ports
    grant = ports.store.grant(visit.known_id) if visit.known_id else None
    if grant is None:
        raise Problem("grant_not_found", "There is no request of this id.", "Check the link.")
    with visit.call.refusals_counted():
        ballot = _ballot(visit, grant)
    vote(ballot, ports)
    return Page(303, location=f"{visit.path}/reviews/{grant.id}")


def _ballot(visit: Visit, grant: Grant) -> Ballot:
    verdict, content = visit.form("verdict"), visit.form("content")
    if verdict not in set(Verdict):
        raise Problem("request_invalid", "The form says neither approve nor reject.", "Open the page again.")
    less = None
    # Of a request that is not what the reviewer saw, no part is taken: `vote` refuses it.
    if verdict == Verdict.APPROVE and content == content_hash(grant):
        permissions = left(grant, visit.fields.get("action", []), visit.fields.get("resource", []))
        less = less_of(grant, permissions, visit.form("seconds"))
    return Ballot(
        grant_id=grant.id,
        voter=visit.principal,
        verdict=Verdict(verdict),
        content=content,
        comment=comment_of(Verdict(verdict), visit.form("comment")),
        via="web",
        origin=visit.request.origin,
        less=less,
    )


handler = pages(
    {("POST", "/reviews/{id}"): vote_on_request, ("POST", "/reviews/{id}/break-glass"): break_glass},
    ("config", "policies", "actions", "store", "absences", "glasses", "reviews", "web_sessions", "templates"),
)
