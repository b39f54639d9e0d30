"""Who may vote on a request: members of the groups that policy requires, never a requester (rows REV 5, 6). Pure."""

from collections.abc import Mapping
from itertools import chain
from typing import TypeAlias

from jitney.core.access.earlier_approvals import approving_groups as approved_before
from jitney.core.access.grant import Grant, State
from jitney.core.access.suspensions import Suspensions
from jitney.core.config import Config, ReviewerGroup
from jitney.core.delegation import Delegation
from jitney.core.identity.principal import Principal
from jitney.core.problems import Problem
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.stored_identity import Identity

Groups: TypeAlias = Mapping[str, ReviewerGroup]


def without_suspended(groups: Groups, suspensions: Suspensions, config: Config) -> Groups:
    """Return the groups without suspended people, as members, as delegates and as delegators."""
    if not suspensions.in_force:
        return groups

    def kept(people: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(each for each in people if not suspensions.covers_person(config.identity_of(each)))

    return {
        name: group._replace(
            members=kept(group.members),
            notify=kept(group.notify),
            delegates=kept(group.delegates),
            active_delegations=tuple(
                (human, delegation)
                for human, delegation in group.active_delegations
                if kept((human,)) and not suspensions.covers_person(delegation.delegator)
            ),
        )
        for name, group in groups.items()
    }


def requested_groups(grant: Grant) -> frozenset[str]:
    """Return the groups whose approval policy requires, in any of the alternatives."""
    return frozenset(group for alternative in grant.reviews for group in alternative)


def approving_groups(group: str, grant: Grant, groups: Groups, now: int | None = None) -> tuple[str, ...]:
    """Return the groups whose members may approve for `group` at `now`: `group`, and its escalation once it is due.

    Without `now`, the escalation is always included. The result is () for a group that is no longer configured.
    """
    if group not in groups:
        return ()
    at = escalates_at(group, grant, groups)
    late = at is not None and (now is None or now >= at)
    return (group, groups[group].escalates_to) if late else (group,)


def escalates_at(group: str, grant: Grant, groups: Groups) -> int | None:
    """Return when a request that waits for a configured group escalates (epoch seconds), or None for never.

    A restarted review may be the first to ask the group. So its time counts from the restart.
    """
    entry, asked_at = groups[group], grant.review_restarted_at or grant.created_at
    return asked_at + entry.escalates_after_seconds if entry.escalates_to in groups else None


def escalation_groups(grant: Grant, groups: Groups, now: int) -> frozenset[str]:
    """Return the groups to which groups without an approval have escalated by `now`."""
    waiting = requested_groups(grant) - set(grant.approvals)
    return frozenset(each for group in waiting for each in approving_groups(group, grant, groups, now) if each != group)


def eligible_members(group: str, review: GrantUnderReview, groups: Groups, now: int) -> frozenset[str]:
    """Return the people who may approve for `group` now, as members or as delegates."""
    delegates = {human for human, _ in _active_delegations(group, review, groups, now)}
    return (direct_members(group, review, groups, now) | delegates) - delegates_for(review.requesters, groups)


def can_be_approved(review: GrantUnderReview, groups: Groups) -> bool:
    """Return whether enough people could approve a pending grant before it ends.

    Requesters do not count. Delegates do not count either, because a delegate and their member count once. Groups that
    approved are counted as well, because an approval counts only while its person is in the group.
    """
    grant, last = review.grant, review.grant.expires_at - 1
    return any(
        all(len(direct_members(each, review, groups, last)) >= groups[each].approvals for each in alternative)
        for alternative in grant.reviews
        if groups.keys() >= set(alternative)
    )


def direct_members(group: str, review: GrantUnderReview, groups: Groups, now: int) -> frozenset[str]:
    """Return the members who may approve for `group` now.

    Once its escalation is due, they include the members of the escalation group.
    """
    found = (groups[each].members for each in approving_groups(group, review.grant, groups, now))
    return review.without(chain.from_iterable(found), review.requesters)


def delegations_for(human: str, review: GrantUnderReview, groups: Groups, now: int) -> tuple[Delegation, ...]:
    """Return the delegations that `human` may vote with now, in groups where `human` has no vote as a member."""
    found = {
        delegation: None
        for group in sorted(requested_groups(review.grant))
        if human not in direct_members(group, review, groups, now)
        for delegate, delegation in _active_delegations(group, review, groups, now)
        if delegate == human
    }
    return tuple(found)


def _active_delegations(
    group: str, review: GrantUnderReview, groups: Groups, now: int
) -> tuple[tuple[str, Delegation], ...]:
    """Return each delegate of `group` with the delegation, leaving out requesters and their delegates."""
    requesters = review.requesters
    barred = delegates_for(requesters, groups)
    return tuple(
        (human, delegation)
        for each in approving_groups(group, review.grant, groups, now)
        for human, delegation in groups[each].active_delegations
        if review.without((human,), requesters)
        and delegation.in_force(now)
        and human not in barred
        and delegation.delegator not in requesters
    )


def delegates_for(people: frozenset[Identity], groups: Groups) -> frozenset[str]:
    """Return the delegates of `people` in any group. They may not decide about requests and acts of `people`.

    They include each possible delegate of a person whose out-of-office entry cannot be read.
    """
    active = (each for group in groups.values() for each in group.active_delegations)
    possible = (group.delegates for group in groups.values() if people.intersection(group.unknown_delegators))
    return frozenset(human for human, delegation in active if delegation.delegator in people).union(*possible)


def votable_groups(human: str, review: GrantUnderReview, groups: Groups, now: int) -> frozenset[str]:
    """Return the groups for which `human`, a source identity, may vote on the grant now."""
    asked = requested_groups(review.grant)
    return frozenset(group for group in asked if human in eligible_members(group, review, groups, now))


def under_review_at(grant: Grant, now: int) -> int:
    """Return the last moment, at most `now`, at which the grant was under review (epoch seconds).

    The result is `now` while the grant is pending, else the end of the review. A failed grant has no end time, so the
    time of its last vote counts, or the time of its creation if there is no vote.
    """
    if grant.starts_at is not None:
        return min(now, grant.starts_at)
    if grant.ending:
        return min(now, grant.ending.at)
    if grant.state in (State.PENDING, State.EXPIRED):
        return min(now, grant.expires_at)
    return max((vote.at for vote in grant.votes), default=grant.created_at)


def may_revoke(who: Principal, review: GrantUnderReview, groups: Groups, now: int) -> bool:
    """Return whether `who` may revoke the grant: its human, a present owner of its agent, or a reviewer.

    A reviewer is a member of a group that had to approve it, or approved before. Groups of a later escalation do not
    count. `who` must be a person who does not act for another person.
    """
    if who.kind != "human" or who.human is not None:
        return False
    at = under_review_at(review.grant, now)
    asked = requested_groups(review.grant) | approved_before(review.grant.earlier_approvals)
    member = any(who.source_identity in direct_members(each, review, groups, at) for each in asked)
    return member or who.identity in review.people_behind


def reviewers(review: GrantUnderReview, groups: Groups, now: int) -> frozenset[str]:
    """Return everyone who may vote on the grant now."""
    asked = requested_groups(review.grant)
    return frozenset().union(*(eligible_members(group, review, groups, now) for group in asked))


def require_reviewer(voter: Principal, review: GrantUnderReview, groups: Groups, now: int) -> None:
    """Raise Problem unless `voter` may vote on the grant: suspended, human_required, own_request or not_reviewer.

    An agent's token cannot vote, even on behalf of a reviewer. Membership is checked at each vote.
    """
    review.suspensions.require_unsuspended(voter)
    if voter.kind != "human" or voter.human is not None:
        fix = "Sign in as yourself and vote. A token of an agent, or of a person who acts for another, cannot vote."
        raise Problem("human_required", "Only people can review.", fix)
    if voter.identity in review.requesters:
        raise Problem("own_request", "This is your own request.", "Ask another reviewer to decide.")
    if not votable_groups(voter.source_identity, review, groups, now):
        fix = "Ask your platform engineer who reviews this request."
        raise Problem("not_reviewer", "You are not a reviewer of this request.", fix)
