"""Who may see a request on the pages: whom it is any business of, and what they are to it."""

from typing import NamedTuple

from jitney.core.access.grant import Grant, State, Vote
from jitney.core.delegation import Delegation
from jitney.core.identity.principal import Principal
from jitney.core.problems import Problem
from jitney.core.review.break_glass import may_break_glass, may_follow_up
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.reviewers import (
    Groups,
    delegations_for,
    may_revoke,
    under_review_at,
    votable_groups,
)
from jitney.handlers.current_reviewers import current_reviewers
from jitney.handlers.pages import Page, Visit
from jitney.handlers.ports import Ports


class ViewerPermissions(NamedTuple):
    """What somebody is to a request: the groups it may vote for, its vote, whether it asked, may take it back.

    Of what is decided these are the groups that it could vote for until then: whom it would have escalated to later, it
    never concerned. `stands_in` are the places of others in which it may vote. `breaks` says whether it may take the
    request without its reviewers, `broke` whether it did, `looks` whether it may look at that afterwards, which nobody
    has yet.
    """

    groups: frozenset[str]
    delegations: tuple[Delegation, ...]
    vote: Vote | None
    own: bool
    operator: bool
    may_revoke: bool
    breaks: bool
    did_break_glass: bool
    may_follow_up: bool

    @property
    def concerned(self) -> bool:
        """Whether the request is any of its business."""
        return bool(
            self.groups
            or self.vote
            or self.own
            or self.may_revoke
            or self.breaks
            or self.did_break_glass
            or self.may_follow_up
        )


def viewer_permissions(who: Principal, grant: Grant, groups: Groups, ports: Ports, now: int) -> ViewerPermissions:
    """What a person who is signed in is to `grant`; `groups` are those of `at_work`."""
    human, config = who.source_identity, ports.config
    review = GrantUnderReview(grant, config)
    own, operator = human in review.requesters, bool(who.groups & set(config.operators))
    glass = config.break_glass
    breaks = grant.at(now).state is State.PENDING and may_break_glass(who, grant.target, glass)
    at = under_review_at(grant, now)
    return ViewerPermissions(
        votable_groups(human, review, groups, at),
        delegations_for(human, review, groups, at),
        next((each for each in grant.votes if each.human == human), None),
        own,
        operator,
        operator or may_revoke(who, review, groups, now),
        breaks and not (own and glass and not glass.own_requests),
        bool(grant.break_glass and grant.break_glass.human == human),
        grant.awaits_follow_up and may_follow_up(human, review, groups, operator=operator),
    )


def load_for_viewer(visit: Visit) -> tuple[Grant, ViewerPermissions]:
    """The request of the path's id, and what whoever is signed in is to it.

    Raises Problem grant_not_found, or not_reviewer for whom it is no business of.
    """
    grant = visit.grant()
    standing = viewer_permissions(visit.principal, grant, current_reviewers(visit.ports), visit.ports, visit.now)
    if not standing.concerned:
        fix = "Ask your platform engineer who reviews this request."
        raise Problem("not_reviewer", "You are not a reviewer of this request.", fix)
    return grant, standing


def redirect_to_sign_in(visit: Visit) -> Page:
    """On to signing in, and from there to the request of the path's id."""
    to = f"?to={visit.grant_id}" if visit.grant_id else ""
    return Page(303, location=f"{visit.path}/reviews/sign-in{to}")
