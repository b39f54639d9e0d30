"""Who may see a request on the pages: whom it is any business of, and what they are to it."""

from typing import NamedTuple

from jitney.core.access.grant import Grant, State, Vote
from jitney.core.access.stand_in import StandIn
from jitney.core.identity.principal import Principal
from jitney.core.problems import Problem
from jitney.core.review.glass import can_break, may_follow_up
from jitney.core.review.reviewers import Groups, askers, may_take_back, of_now, seats, stands_in, under_review_at
from jitney.handlers.at_work import at_work
from jitney.handlers.pages import Page, Visit
from jitney.handlers.ports import Ports


class Standing(NamedTuple):
    """What somebody is to a request: the groups it may vote for, its vote, whether it asked, may take it back.

    Of what is decided these are the groups that it could vote for until then: whom it would have escalated to later, it
    never concerned. `stands_in` are the places of others in which it may vote. `breaks` says whether it may take the
    request without its reviewers, `broke` whether it did, `looks` whether it may look at that afterwards, which nobody
    has yet.
    """

    groups: frozenset[str]
    stands_in: tuple[StandIn, ...]
    vote: Vote | None
    own: bool
    operator: bool
    takes_back: bool
    breaks: bool
    broke: bool
    looks: bool

    @property
    def concerned(self) -> bool:
        """Whether the request is any of its business."""
        return bool(self.groups or self.vote or self.own or self.takes_back or self.breaks or self.broke or self.looks)


def standing_of(who: Principal, grant: Grant, groups: Groups, ports: Ports, now: int) -> Standing:
    """What a person who is signed in is to `grant`; `groups` are those of `at_work`."""
    human, config = who.source_identity, ports.config
    grant = of_now(grant, config)
    own, operator = human in askers(grant), bool(who.groups & set(config.operators))
    glass = config.break_glass
    breaks = grant.at(now).state is State.PENDING and can_break(who, grant.target, glass)
    at = under_review_at(grant, now)
    return Standing(
        seats(human, grant, groups, at),
        stands_in(human, grant, groups, at),
        next((each for each in grant.votes if each.human == human), None),
        own,
        operator,
        operator or may_take_back(who, grant, groups, now),
        breaks and not (own and glass and not glass.own_requests),
        bool(grant.glass and grant.glass.human == human),
        grant.unreviewed and may_follow_up(human, grant, groups, operator=operator),
    )


def seen(visit: Visit) -> tuple[Grant, Standing]:
    """The request of the path's id, and what whoever is signed in is to it.

    Raises Problem grant_not_found, or not_reviewer for whom it is no business of.
    """
    grant = visit.ports.store.grant(visit.known_id) if visit.known_id else None
    if grant is None:
        raise Problem("grant_not_found", "There is no request of this id.", "Check the link.")
    standing = standing_of(visit.principal, grant, at_work(visit.ports), visit.ports, visit.now)
    if not standing.concerned:
        fix = "Ask your platform engineer who reviews this."
        raise Problem("not_reviewer", "You are not among the reviewers of this request.", fix)
    return grant, standing


def to_sign_in(visit: Visit) -> Page:
    """On to signing in, and from there to the request of the path's id."""
    to = f"?to={visit.known_id}" if visit.known_id else ""
    return Page(303, location=f"{visit.path}/reviews/sign-in{to}")
