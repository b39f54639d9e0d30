"""How many members of a group votes speak for: each person once, each member's place once (rows REV 4, 6). Pure.

Whoever stands in for two members is one person; a member who voted, and somebody who stood in for that member, speak
for one place. So the number is that of the largest set of votes that each have a place of their own.
"""

from collections.abc import Iterable
from dataclasses import replace

from jitney.core.access.delegation import Delegation
from jitney.core.access.grant import Grant, Vote
from jitney.core.review.reviewers import Groups, approving_groups, direct_members, requested_groups, requesters


def with_counted_groups(vote: Vote, grant: Grant, groups: Groups, now: int) -> Vote:
    """The vote with the groups that the voter is a member of now, be it because they escalated to the voter's.

    Where somebody could vote in another's place only, that place they keep, though they be asked themselves later.
    """

    def own(group: str, at: int) -> bool:
        return vote.human in direct_members(group, grant, groups, at)

    kept = {
        group
        for group in requested_groups(grant)
        if _delegations_for(vote, group, grant, groups) and not own(group, vote.at)
    }
    return replace(vote, groups=tuple(sorted(group for group in requested_groups(grant) - kept if own(group, now))))


def represented_members(vote: Vote, group: str, grant: Grant, groups: Groups) -> frozenset[str]:
    """The members of `group` for whom a vote counts there: the voter, or those whom the voter stood in for.

    That an absence ended since undoes nothing; that the configuration no longer allows it does.
    """
    stood_in = _delegations_for(vote, group, grant, groups)
    if not stood_in if vote.groups is None else group in vote.groups:
        return frozenset({vote.human})
    return frozenset(
        place.delegator
        for place in stood_in
        if place.holds(vote.at)
        and place.delegator in groups[place.group].members
        and vote.human in groups[place.group].delegates
    ) - requesters(grant)


def _delegations_for(vote: Vote, group: str, grant: Grant, groups: Groups) -> list[Delegation]:
    return [place for place in vote.delegations if place.group in approving_groups(group, grant, groups)]


def count_represented(votes: Iterable[frozenset[str]]) -> int:
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
