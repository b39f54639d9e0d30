"""How many members of a group votes speak for: each person once, each member's place once (rows REV 4, 6). Pure.

Whoever stands in for two members is one person; a member who voted, and somebody who stood in for that member, speak
for one place. So the number is that of the largest set of votes that each have a place of their own.
"""

from collections.abc import Collection, Iterable

from core.access.grant import Grant, Vote
from core.review.reviewers import Groups, askers, sources


def places_of(vote: Vote, group: str, members: Collection[str] | None, grant: Grant, groups: Groups) -> frozenset[str]:
    """The members of `group` for whom a vote counts there: the voter, or those whom the voter stood in for.

    `members` are those who may vote for the group by themselves, None where that was looked up as they voted. That an
    absence ended since undoes nothing; that the configuration no longer allows it does.
    """
    stood_in = [place for place in vote.stands_in if place.group in sources(group, grant, groups)]
    if vote.human in members if members is not None else not stood_in:
        return frozenset({vote.human})
    return frozenset(
        place.absent
        for place in stood_in
        if place.holds(vote.at)
        and place.absent in groups[place.group].members
        and vote.human in groups[place.group].stand_ins
    ) - askers(grant)


def spoken_for(votes: Iterable[frozenset[str]]) -> int:
    """How many of the votes, each given as the places that it could take, can have a place of their own."""
    taken: dict[str, frozenset[str]] = {}

    def seated(places: frozenset[str], tried: set[str]) -> bool:
        for place in places - tried:
            tried.add(place)
            if place not in taken or seated(taken[place], tried):
                taken[place] = places
                return True
        return False

    return sum(seated(places, set()) for places in votes)
