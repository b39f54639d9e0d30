"""How many members of a group the votes represent. Each person and each member counts once (rows REV 4, 6). Pure.

A delegate of two members is one person. A member who voted and their delegate represent one member. The count is the
largest number of votes that can each be assigned to a different member.
"""

from collections.abc import Iterable
from dataclasses import replace

from jitney.core.access.grant import Grant, Vote
from jitney.core.delegation import Delegation
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.reviewers import Groups, approving_groups, direct_members, requested_groups
from jitney.core.stored_identity import Identity


def with_counted_groups(vote: Vote, review: GrantUnderReview, groups: Groups, now: int) -> Vote:
    """Return the vote with the groups that the voter is a member of now, escalations included.

    A delegate's vote stays a delegate's vote, even if the request later escalates to the voter's own group.
    """

    def is_member(group: str, at: int) -> bool:
        return review.is_among(vote.human, direct_members(group, review, groups, at))

    asked = requested_groups(review.grant)
    delegated = {
        group
        for group in asked
        if _delegations_for(vote, group, review.grant, groups) and not is_member(group, vote.at)
    }
    return replace(vote, groups=tuple(sorted(group for group in asked - delegated if is_member(group, now))))


def represented_members(vote: Vote, group: str, review: GrantUnderReview, groups: Groups) -> frozenset[Identity]:
    """Return the members of `group` that a vote may count for: the voter, or the members who delegated to the voter.

    A vote stays valid after the delegation ends, but not if the configuration no longer allows the delegation. A
    delegate in an escalation's group represents no member before the escalation is due.
    """
    delegations = _delegations_for(vote, group, review.grant, groups)
    if not delegations if vote.groups is None else group in vote.groups:
        return frozenset({vote.human})
    valid = (each.delegator for each in delegations if _is_valid(each, vote, group, review, groups))
    return frozenset(valid) - review.requesters


def _is_valid(delegation: Delegation, vote: Vote, group: str, review: GrantUnderReview, groups: Groups) -> bool:
    """Return whether the vote could use a delegation for `group` when it was given, and the configuration allows it."""
    entry = groups[delegation.group]
    return (
        delegation.in_force(vote.at)
        and delegation.group in approving_groups(group, review.grant, groups, vote.at)
        and review.is_among(delegation.delegator, entry.members)
        and review.is_among(vote.human, entry.delegates)
    )


def would_count_again(vote: Vote, review: GrantUnderReview, groups: Groups, now: int) -> bool:
    """Return whether the same vote at `now` would count for a group without an approval for which it does not count.

    An escalation that became due after the vote makes it so.
    """
    again = with_counted_groups(replace(vote, at=now), review, groups, now)
    waiting = requested_groups(review.grant) - set(review.grant.approvals)
    return any(
        represented_members(again, group, review, groups) and not represented_members(vote, group, review, groups)
        for group in waiting
    )


def _delegations_for(vote: Vote, group: str, grant: Grant, groups: Groups) -> list[Delegation]:
    return [each for each in vote.delegations if each.group in approving_groups(group, grant, groups)]


def count_represented(votes: Iterable[frozenset[Identity]]) -> int:
    """Return how many votes can be assigned to different members.

    `votes` has, for each vote, the members that it may count for.
    """
    assigned: dict[Identity, frozenset[Identity]] = {}

    def assign(members: frozenset[Identity], tried: set[Identity]) -> bool:
        for member in members - tried:
            tried.add(member)
            if member not in assigned or assign(assigned[member], tried):
                assigned[member] = members
                return True
        return False

    return sum(assign(members, set()) for members in votes)
