"""Who may see a request on the pages, and what each viewer may do there."""

from typing import NamedTuple

from jitney.core.access.grant import Grant, State, Vote
from jitney.core.delegation import Delegation
from jitney.core.identity.principal import Principal
from jitney.core.identity.sign_in import PAGE
from jitney.core.problems import Problem
from jitney.core.review.break_glass import may_break_glass, may_follow_up
from jitney.core.review.content import content_hash
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.reviewers import (
    Groups,
    delegations_for,
    may_revoke,
    under_review_at,
    votable_groups,
)
from jitney.core.review.votes import is_last_approval
from jitney.handlers.caller.authenticated_request import AuthenticatedRequest
from jitney.handlers.pages.visits import Page, Visit
from jitney.handlers.review.current_reviewers import current_reviewers
from jitney.handlers.review.under_review import under_review


class ViewerPermissions(NamedTuple):
    """What a person may do with a request.

    `groups` are the groups for which the person may vote. For a decided request, they are the groups for which the
    person could vote until the decision. `delegations` are the delegations that the person may use to vote.
    `may_follow_up` is set while the follow-up review is missing.
    """

    groups: frozenset[str]
    delegations: tuple[Delegation, ...]
    vote: Vote | None
    is_own_request: bool
    is_operator: bool
    may_revoke: bool
    may_break_glass: bool
    did_break_glass: bool
    may_follow_up: bool

    @property
    def may_see(self) -> bool:
        """Whether the person may see the request."""
        return bool(
            self.groups
            or self.vote
            or self.is_own_request
            or self.may_revoke
            or self.may_break_glass
            or self.did_break_glass
            or self.may_follow_up
        )

    def present_vote(self, grant: Grant) -> Vote | None:
        """Return the person's vote if it is about the present content of the request."""
        return self.vote if self.vote and self.vote.content == content_hash(grant) else None

    def may_vote(self, grant: Grant, now: int) -> bool:
        """Return whether the person may vote on the request at `now`."""
        return grant.at(now).state is State.PENDING and bool(self.groups)


def viewer_permissions(who: Principal, review: GrantUnderReview, groups: Groups, now: int) -> ViewerPermissions:
    """Return what a person may do with the grant of `review`. `groups` come from `current_reviewers`."""
    human, config, grant = who.source_identity, review.config, review.grant
    own, operator = who.identity in review.requesters, bool(who.groups & set(config.operators))
    settings = config.break_glass
    may_break = grant.at(now).state is State.PENDING and may_break_glass(who, grant.target, settings)
    at = under_review_at(grant, now)
    return ViewerPermissions(
        votable_groups(human, review, groups, at),
        delegations_for(human, review, groups, at),
        next((each for each in grant.votes if each.human == who.identity), None),
        own,
        operator,
        operator or may_revoke(who, review, groups, now),
        may_break and not (own and settings and not settings.own_requests),
        bool(grant.break_glass and grant.break_glass.human == who.identity),
        grant.awaits_follow_up and may_follow_up(human, review, groups, operator=operator),
    )


def is_enough_alone(grant: Grant, viewer: ViewerPermissions, authenticated: AuthenticatedRequest) -> bool:
    """Return whether the caller's approval would be the last one that the pending grant needs now."""
    groups, human = current_reviewers(authenticated.ports, authenticated.suspensions), authenticated.principal.identity
    review = under_review(grant, authenticated.ports, authenticated.suspensions)
    return is_last_approval(review, human, viewer.delegations, groups, authenticated.now)


def load_for_viewer(visit: Visit) -> tuple[Grant, ViewerPermissions]:
    """Return the path's request, and what the signed-in person may do with it.

    Raises Problem grant_not_found, or not_reviewer for a person who may not see it.
    """
    return load_for_person(visit.stored_grant(), visit.authenticated)


def load_for_person(stored: Grant, authenticated: AuthenticatedRequest) -> tuple[Grant, ViewerPermissions]:
    """Return a stored grant, and what the caller may do with it. Raises the problems of `load_for_viewer`."""
    review = under_review(stored, authenticated.ports, authenticated.suspensions)
    groups = current_reviewers(authenticated.ports, authenticated.suspensions)
    viewer = viewer_permissions(authenticated.principal, review, groups, authenticated.now)
    if not viewer.may_see:
        fix = "Ask your platform engineer who reviews this request."
        raise Problem("not_reviewer", "You are not a reviewer of this request.", fix)
    return review.grant, viewer


def reviewed_grant(authenticated: AuthenticatedRequest) -> Grant:
    """Return the grant of the path's id as stored. Raises Problem grant_not_found."""
    grant = authenticated.stored_grant_in_path()
    if grant is None:
        raise Problem(
            "grant_not_found", "There is no request with this id.", "See GET /v1/reviews (jitney review list)."
        )
    return grant


def redirect_to_sign_in(visit: Visit) -> Page:
    """Return 303 to the sign-in. After the sign-in, this page opens, or else the list of requests."""
    page = visit.request.address.removeprefix(f"{visit.request.base}/reviews/")
    to = f"?to={page}" if PAGE.fullmatch(page) else ""
    return Page(303, location=f"{visit.path}/reviews/sign-in{to}")
