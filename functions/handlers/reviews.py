"""GET /reviews and /reviews/{id}: what waits, is active or was decided; and one request, as its reviewers see it.

The role of this function can write nothing: looking changes nothing, whoever or whatever looks (row REV 1).
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from core.access.grant import Grant, State, Vote
from core.access.stand_in import StandIn
from core.identity.principal import Principal
from core.problems import Problem
from core.review.content import content_hash
from core.review.glass import can_break, may_follow_up
from core.review.reviewers import Groups, askers, may_take_back, seats, stands_in
from handlers.at_work import at_work
from handlers.away import show_away
from handlers.pages import Page, Visit, pages
from handlers.ports import Ports
from handlers.showing import sheet

MOST_LISTED = 200
_EVER = 10**11
"""Later than any grant ends."""


class Standing(NamedTuple):
    """What somebody is to a request: the groups it may vote for now, its vote, whether it asked, may take it back.

    `stands_in` are the places of others in which it may vote. `breaks` says whether it may take the request without its
    reviewers, `broke` whether it did, `looks` whether it may look at that afterwards, which nobody has yet.
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
    own, operator = human in askers(grant), bool(who.groups & set(config.operators))
    glass = config.break_glass
    breaks = grant.at(now).state is State.PENDING and can_break(who, grant.target, glass)
    return Standing(
        seats(human, grant, groups, now),
        stands_in(human, grant, groups, now),
        next((each for each in grant.votes if each.human == human), None),
        own,
        operator,
        operator or may_take_back(who, grant, groups, now),
        breaks and not (own and glass and not glass.own_requests),
        bool(grant.glass and grant.glass.human == human),
        grant.unreviewed and may_follow_up(human, grant, groups, operator=operator),
    )


def list_requests(visit: Visit) -> Page:
    """200 with what concerns whoever is signed in: waiting for them, for others, active, decided by them."""
    if visit.session is None:
        return Page(303, location=f"{visit.path}/reviews/sign-in")
    who, now, groups = visit.principal, visit.now, at_work(visit.ports)
    owed = dict.fromkeys(visit.ports.glasses.owed().values())
    unreviewed = (grant for grant_id in islice(owed, MOST_LISTED) if (grant := visit.ports.store.grant(grant_id)))
    listed = {grant.id: grant for grant in (*unreviewed, *islice(_open(visit.ports), MOST_LISTED))}
    shown = [
        (grant.at(now), standing)
        for grant in listed.values()
        if (standing := standing_of(who, grant, groups, visit.ports, now)).concerned
    ]
    pending = [(grant, standing) for grant, standing in shown if grant.state is State.PENDING]
    waiting = [each for each in pending if _waits(*each)]
    return Page(
        200,
        "list",
        {
            "looking": [each for each in shown if each[0].unreviewed],
            "waiting": waiting,
            "others": [each for each in pending if each not in waiting],
            "active": [each for each in shown if each[0].state is State.ACTIVE],
            "decided": list(_decided(visit)),
            "operator": bool(who.groups & set(visit.ports.config.operators)),
        },
    )


def show_request(visit: Visit) -> Page:
    """200 with the request of the path's id. Raises Problem grant_not_found, not_reviewer, or what `sheet` raises."""
    if visit.session is None:
        to = f"?to={visit.known_id}" if visit.known_id else ""
        return Page(303, location=f"{visit.path}/reviews/sign-in{to}")
    ports, now = visit.ports, visit.now
    grant = ports.store.grant(visit.known_id) if visit.known_id else None
    if grant is None:
        raise Problem("grant_not_found", "There is no request of this id.", "Check the link.")
    standing = standing_of(visit.principal, grant, at_work(ports), ports, now)
    if not standing.concerned:
        fix = "Ask your platform engineer who reviews this."
        raise Problem("not_reviewer", "You are not among the reviewers of this request.", fix)
    current = grant.at(now)
    voted = standing.vote if standing.vote and standing.vote.content == content_hash(grant) else None
    may_vote = current.state is State.PENDING and bool(standing.groups)
    values = {
        "grant": current,
        "sheet": sheet(grant, ports),
        "standing": standing,
        "voted": voted,
        "may_vote": may_vote,
        "settings": ports.config.break_glass,
    }
    return Page(200, "request", values)


def _open(ports: Ports) -> Iterator[Grant]:
    """The grants whose end is not on record, the earliest to end first; of each target in turn."""
    for target in ports.config.targets.values():
        yield from ports.store.open_grants(target.role_arn, _EVER)


def _waits(grant: Grant, standing: Standing) -> bool:
    """Whether a pending grant waits for a vote of this person."""
    counted = standing.vote and standing.vote.content == content_hash(grant)
    return bool(standing.groups) and not counted


def _decided(visit: Visit) -> Iterable[Grant]:
    """What the person voted on lately, the newest first, as it stands now."""
    for grant_id in visit.ports.cast_votes.of(visit.principal.source_identity):
        if grant := visit.ports.store.grant(grant_id):
            yield grant.at(visit.now)


handler = pages(
    {
        ("GET", "/reviews"): list_requests,
        ("GET", "/reviews/{id}"): show_request,
        ("GET", "/reviews/away"): show_away,
    },
    ("config", "policies", "actions", "store", "absences", "glasses", "cast_votes", "web_sessions", "templates"),
)
