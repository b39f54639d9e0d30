"""POST /reviews/{id}: a reviewer's vote, by the forms of the request's page.

The function also serves the vote from a terminal (`jitney.handlers.review.terminal_votes`), and rejections in bulk
(`jitney.handlers.review.bulk_rejections`).
"""

from collections.abc import Mapping

from jitney.core.access.grant import Grant, VoteVerdict
from jitney.core.problems import Problem
from jitney.core.review.content import content_hash
from jitney.core.review.selection import narrowed_approval, selected_permissions
from jitney.handlers.pages.second_step import second_step
from jitney.handlers.pages.visits import FormVisit, Page, pages
from jitney.handlers.review.ballots import Ballot, comment_of, covered_by, vote
from jitney.handlers.review.break_glass import break_glass
from jitney.handlers.review.bulk_rejections import reject_many, reject_many_from_terminal
from jitney.handlers.review.terminal_votes import vote_from_terminal
from jitney.handlers.runtime.ports import REVIEW_PORTS

SELECTED = "approve_selected"
"""The verdict of the form with the boxes. The verdict "approve" covers the whole request."""
_VERDICTS: Mapping[str, VoteVerdict] = {**{str(each): each for each in VoteVerdict}, SELECTED: VoteVerdict.APPROVE}
_BOXES = frozenset({"action", "resource", "seconds", "this_time_only"})


def vote_on_request(visit: FormVisit) -> Page:
    """Submit the vote, and return 303 to the request. Raises the problems of `handlers.review.ballots.vote`.

    An approval that could do harm needs a second step. Before that is confirmed, the answer is 200 with the second
    step.
    """
    with visit.authenticated.counting_refusals():
        grant = visit.stored_grant()
        ballot = _ballot(visit, grant)
    if covered := covered_by(ballot, visit.ports):
        comment = visit.ports.masked_comment(ballot.comment, grant.owner_key)
        if page := second_step(covered, visit, "approve", comment):
            return page
    vote(ballot, visit.ports, may_grant=covered is not None)
    return Page(303, location=f"{visit.path}/reviews/{grant.id}")


def _ballot(visit: FormVisit, grant: Grant) -> Ballot:
    given, content = visit.form("verdict"), visit.form("content")
    verdict = _VERDICTS.get(given)
    if not given:
        fix = "Go back, and choose one of the buttons."
        raise Problem("request_invalid", "No button was pressed, so nothing was decided.", fix)
    if verdict is None or (given == VoteVerdict.APPROVE and visit.fields.keys() & _BOXES):
        raise Problem(
            "request_invalid", "The form has no verdict that fits its fields.", "Open the page, then vote again."
        )
    narrowing = None
    # If the request changed since the reviewer saw it, `vote` refuses the whole ballot.
    if given == SELECTED and content == content_hash(grant):
        permissions = selected_permissions(grant, visit.fields.get("action", []), visit.fields.get("resource", []))
        once = bool(visit.form("this_time_only"))
        narrowing = narrowed_approval(grant, permissions, visit.form("seconds"), this_time_only=once)
    return Ballot(
        grant_id=grant.id,
        voter=visit.principal,
        verdict=verdict,
        content=content,
        comment=comment_of(verdict, visit.form("comment")),
        via="web",
        origin=visit.request.origin,
        narrowing=narrowing,
    )


handler = pages(
    {},
    {
        "/reviews/{id}": vote_on_request,
        "/reviews/{id}/break-glass": break_glass,
        "/reviews/rejections": reject_many,
    },
    (
        *REVIEW_PORTS,
        "follow_ups",
        "approval_workflow",
        "web_sessions",
        "templates",
        "keys",
    ),
    api={
        ("POST", "/v1/reviews/{id}/votes"): vote_from_terminal,
        ("POST", "/v1/reviews/rejections"): reject_many_from_terminal,
    },
)
