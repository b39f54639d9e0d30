"""POST /reviews/{id}: a reviewer's vote, by the form of the request's page."""

from core.access.grant import Grant, Verdict
from core.access.parse import MAX_REASON
from core.problems import Problem
from core.review.choices import left
from core.review.content import content_hash
from core.review.inert import cut
from handlers.pages import Page, Visit, pages
from handlers.voting import Ballot, Less, vote


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
    verdict, comment = visit.form("verdict"), cut(visit.form("comment"), MAX_REASON)
    if verdict not in set(Verdict):
        raise Problem("request_invalid", "The form says neither approve nor reject.", "Open the page again.")
    if verdict == Verdict.REJECT and not comment:
        detail = "A rejection needs a comment: the agent is told it."
        raise Problem("request_invalid", detail, "Go back, and say in a few words why.")
    content = visit.form("content")
    # Of a request that is not what the reviewer saw, no part is taken: `vote` refuses it.
    less = _less(visit, grant) if verdict == Verdict.APPROVE and content == content_hash(grant) else None
    return Ballot(
        grant_id=grant.id,
        voter=visit.principal,
        verdict=Verdict(verdict),
        content=content,
        comment=comment,
        via="web",
        origin=visit.request.origin,
        less=less,
    )


def _less(visit: Visit, grant: Grant) -> Less | None:
    """What is left of the request by the form; None when that is all of it."""
    permissions = left(grant, visit.fields.get("action", []), visit.fields.get("resource", []))
    seconds = visit.form("seconds")
    duration = int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 10 else 0
    if (permissions, duration) == (grant.permissions, grant.duration_seconds):
        return None
    return Less(permissions, duration)


handler = pages(
    {("POST", "/reviews/{id}"): vote_on_request},
    ("config", "policies", "actions", "store", "reviews", "web_sessions", "templates"),
)
