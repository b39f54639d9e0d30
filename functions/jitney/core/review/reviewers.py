"""Who may vote on a request: members of the groups that policy asks for, never whoever asks (rows REV 5, 6)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from jitney.core.access.delegation import Delegation
from jitney.core.access.grant import Grant, State
from jitney.core.config import Config, ReviewerGroup
from jitney.core.identity.principal import Principal
from jitney.core.problems import Problem

Groups: TypeAlias = Mapping[str, ReviewerGroup]


def requested_groups(grant: Grant) -> frozenset[str]:
    """The groups whose approval policy asks for, in any of the alternatives."""
    return frozenset(group for alternative in grant.reviews for group in alternative)


def approving_groups(group: str, grant: Grant, groups: Groups, now: int | None = None) -> tuple[str, ...]:
    """The groups whose members may approve for `group` now, or ever: itself, after a while the one it escalates to.

    None for a group that is no longer configured.
    """
    if group not in groups:
        return ()
    entry = groups[group]
    late = now is None or now >= grant.created_at + entry.escalates_after_seconds
    return (group, entry.escalates_to) if late and entry.escalates_to in groups else (group,)


def escalation_groups(grant: Grant, groups: Groups, now: int) -> frozenset[str]:
    """The groups that were asked later, in the place of groups that have not approved by now."""
    waiting = requested_groups(grant) - set(grant.approvals)
    return frozenset(each for group in waiting for each in approving_groups(group, grant, groups, now) if each != group)


def eligible_members(group: str, grant: Grant, groups: Groups, now: int) -> frozenset[str]:
    """The source identities of those who may approve for `group` now, be it in the place of somebody who is away."""
    standing = {human for human, _ in _active_delegations(group, grant, groups, now)}
    return (direct_members(group, grant, groups, now) | standing) - delegates_for(requesters(grant), groups)


def can_be_approved(grant: Grant, groups: Groups) -> bool:
    """Whether a pending grant can be approved before it ends: enough people who do not ask, for each group of one way.

    Who stands in for somebody adds nobody: the two count once.
    """
    last = grant.expires_at - 1
    return any(
        all(len(direct_members(each, grant, groups, last)) >= groups[each].approvals for each in waiting)
        for alternative in grant.reviews
        if (waiting := set(alternative) - set(grant.approvals)) <= groups.keys()
    )


def direct_members(group: str, grant: Grant, groups: Groups, now: int) -> frozenset[str]:
    """Those who are asked for `group` now themselves: after a while, whom it escalates to as well."""
    found = (groups[each].members for each in approving_groups(group, grant, groups, now))
    return frozenset[str]().union(*found) - requesters(grant)


def delegations_for(human: str, grant: Grant, groups: Groups, now: int) -> tuple[Delegation, ...]:
    """The places of members who are away that `human` may vote in now, in groups where not by themselves."""
    found = {
        place: None
        for group in sorted(requested_groups(grant))
        if human not in direct_members(group, grant, groups, now)
        for who, place in _active_delegations(group, grant, groups, now)
        if who == human
    }
    return tuple(found)


def _active_delegations(group: str, grant: Grant, groups: Groups, now: int) -> tuple[tuple[str, Delegation], ...]:
    """Who stands in for members of `group` that are away, and where: nobody who asks or stands in for who does."""
    barred = requesters(grant) | delegates_for(requesters(grant), groups)
    return tuple(
        (human, place)
        for each in approving_groups(group, grant, groups, now)
        for human, place in groups[each].active_delegations
        if place.holds(now) and human not in barred and place.delegator not in requesters(grant)
    )


def delegates_for(people: frozenset[str], groups: Groups) -> frozenset[str]:
    """Who stands in for somebody of them now, wherever it is: what these ask for, or did, is not theirs to judge."""
    standing = (each for group in groups.values() for each in group.active_delegations)
    return frozenset(human for human, place in standing if place.delegator in people)


def with_current_owners(grant: Grant, config: Config) -> Grant:
    """The grant as `askers` has to see it: with those who own its agent by the configuration of now."""
    issuer = config.issuers.get(grant.issuer_name)
    return replace(grant, current_agent_owners=issuer.owners.get(grant.subject, ()) if issuer else ())


def requesters(grant: Grant) -> frozenset[str]:
    """Whose request it is: the agent's, the human's whom it acts for, its owners', be they its owners since it asked.

    Nobody decides about their own. Of a grant that is not `of_now`, owners are those of when it asked.
    """
    return frozenset(
        {grant.principal, grant.human or grant.principal, *grant.agent_owners, *grant.current_agent_owners}
    )


def votable_groups(human: str, grant: Grant, groups: Groups, now: int) -> frozenset[str]:
    """The groups for which `human`, a source identity, may vote on the grant now."""
    return frozenset(group for group in requested_groups(grant) if human in eligible_members(group, grant, groups, now))


def under_review_at(grant: Grant, now: int) -> int:
    """The latest moment until `now` at which people were asked about the grant (epoch seconds).

    `now` while it is pending, else when that ended. Of what failed nothing says when: its last vote, or the beginning.
    """
    if grant.starts_at is not None:
        return min(now, grant.starts_at)
    if grant.ending:
        return min(now, grant.ending.at)
    if grant.state in (State.PENDING, State.EXPIRED):
        return min(now, grant.expires_at)
    return max((vote.at for vote in grant.votes), default=grant.created_at)


def may_revoke(who: Principal, grant: Grant, groups: Groups, now: int) -> bool:
    """Whether somebody may take back what they may have approved: a member of a group that policy asked about it.

    As `require_reviewer`, a person and for nobody else. Whom it would have escalated to later had no say in it.
    """
    at = under_review_at(grant, now)
    own = any(who.source_identity in direct_members(each, grant, groups, at) for each in requested_groups(grant))
    return own and who.kind == "human" and who.human is None


def reviewers(grant: Grant, groups: Groups, now: int) -> frozenset[str]:
    """Everybody who may vote on the grant now."""
    return frozenset().union(*(eligible_members(group, grant, groups, now) for group in requested_groups(grant)))


def require_reviewer(voter: Principal, grant: Grant, groups: Groups, now: int) -> None:
    """Raises Problem unless `voter` may vote on the grant: human_required, own_request or not_reviewer.

    An agent's token votes nowhere, whoever it acts for; membership is looked up anew at each vote.
    """
    if voter.kind != "human" or voter.human is not None:
        fix = "A person signs in and votes; a token of an agent or of somebody acting for another cannot."
        raise Problem("human_required", "Only people review.", fix)
    if voter.source_identity in requesters(grant):
        raise Problem("own_request", "This is your own request.", "Another reviewer has to decide about it.")
    if not votable_groups(voter.source_identity, grant, groups, now):
        fix = "Ask your platform engineer who reviews this."
        raise Problem("not_reviewer", "You are not among the reviewers of this request.", fix)
