"""Who may vote on a request: members of the groups that policy asks for, never whoever asks (rows REV 5, 6)."""

from collections.abc import Mapping
from dataclasses import replace

from jitney.core.access.grant import Grant, State
from jitney.core.access.stand_in import StandIn
from jitney.core.config import Config, ReviewerGroup
from jitney.core.identity.principal import Principal
from jitney.core.problems import Problem

type Groups = Mapping[str, ReviewerGroup]


def asked_groups(grant: Grant) -> frozenset[str]:
    """The groups whose approval policy asks for, in any of the alternatives."""
    return frozenset(group for alternative in grant.reviews for group in alternative)


def sources(group: str, grant: Grant, groups: Groups, now: int | None = None) -> tuple[str, ...]:
    """The groups whose members may approve for `group` now, or ever: itself, after a while the one it escalates to.

    None for a group that is no longer configured.
    """
    if group not in groups:
        return ()
    entry = groups[group]
    late = now is None or now >= grant.created_at + entry.escalates_after_seconds
    return (group, entry.escalates_to) if late and entry.escalates_to in groups else (group,)


def escalated_to(grant: Grant, groups: Groups, now: int) -> frozenset[str]:
    """The groups that were asked later, in the place of groups that have not approved by now."""
    waiting = asked_groups(grant) - set(grant.approvals)
    return frozenset(each for group in waiting for each in sources(group, grant, groups, now) if each != group)


def members(group: str, grant: Grant, groups: Groups, now: int) -> frozenset[str]:
    """The source identities of those who may approve for `group` now, be it in the place of somebody who is away."""
    standing = {human for human, _ in _standing_in(group, grant, groups, now)}
    return (own_members(group, grant, groups, now) | standing) - in_place_of(askers(grant), groups)


def decidable(grant: Grant, groups: Groups) -> bool:
    """Whether a pending grant can be approved before it ends: enough people who do not ask, for each group of one way.

    Who stands in for somebody adds nobody: the two count once.
    """
    last = grant.expires_at - 1
    return any(
        all(len(own_members(each, grant, groups, last)) >= groups[each].approvals for each in waiting)
        for alternative in grant.reviews
        if (waiting := set(alternative) - set(grant.approvals)) <= groups.keys()
    )


def own_members(group: str, grant: Grant, groups: Groups, now: int) -> frozenset[str]:
    """Those who are asked for `group` now themselves: after a while, whom it escalates to as well."""
    found = (groups[each].members for each in sources(group, grant, groups, now))
    return frozenset[str]().union(*found) - askers(grant)


def stands_in(human: str, grant: Grant, groups: Groups, now: int) -> tuple[StandIn, ...]:
    """The places of members who are away that `human` may vote in now, in groups where not by themselves."""
    found = {
        place: None
        for group in sorted(asked_groups(grant))
        if human not in own_members(group, grant, groups, now)
        for who, place in _standing_in(group, grant, groups, now)
        if who == human
    }
    return tuple(found)


def _standing_in(group: str, grant: Grant, groups: Groups, now: int) -> tuple[tuple[str, StandIn], ...]:
    """Who stands in for members of `group` that are away, and where: nobody who asks or stands in for who does."""
    barred = askers(grant) | in_place_of(askers(grant), groups)
    return tuple(
        (human, place)
        for each in sources(group, grant, groups, now)
        for human, place in groups[each].standing_in
        if place.holds(now) and human not in barred and place.absent not in askers(grant)
    )


def in_place_of(people: frozenset[str], groups: Groups) -> frozenset[str]:
    """Who stands in for somebody of them now, wherever it is: what these ask for, or did, is not theirs to judge."""
    standing = (each for group in groups.values() for each in group.standing_in)
    return frozenset(human for human, place in standing if place.absent in people)


def of_now(grant: Grant, config: Config) -> Grant:
    """The grant as `askers` has to see it: with those who own its agent by the configuration of now."""
    issuer = config.issuers.get(grant.issuer_name)
    return replace(grant, run_by_now=issuer.owners.get(grant.subject, ()) if issuer else ())


def askers(grant: Grant) -> frozenset[str]:
    """Whose request it is: the agent's, the human's whom it acts for, its owners', be they its owners since it asked.

    Nobody decides about their own. Of a grant that is not `of_now`, owners are those of when it asked.
    """
    return frozenset({grant.principal, grant.human or grant.principal, *grant.run_by, *grant.run_by_now})


def seats(human: str, grant: Grant, groups: Groups, now: int) -> frozenset[str]:
    """The groups for which `human`, a source identity, may vote on the grant now."""
    return frozenset(group for group in asked_groups(grant) if human in members(group, grant, groups, now))


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


def may_take_back(who: Principal, grant: Grant, groups: Groups, now: int) -> bool:
    """Whether somebody may take back what they may have approved: a member of a group that policy asked about it.

    As `require_reviewer`, a person and for nobody else. Whom it would have escalated to later had no say in it.
    """
    at = under_review_at(grant, now)
    own = any(who.source_identity in own_members(each, grant, groups, at) for each in asked_groups(grant))
    return own and who.kind == "human" and who.human is None


def reviewers(grant: Grant, groups: Groups, now: int) -> frozenset[str]:
    """Everybody who may vote on the grant now."""
    return frozenset().union(*(members(group, grant, groups, now) for group in asked_groups(grant)))


def require_reviewer(voter: Principal, grant: Grant, groups: Groups, now: int) -> None:
    """Raises Problem unless `voter` may vote on the grant: not_a_person, own_request or not_reviewer.

    An agent's token votes nowhere, whoever it acts for; membership is looked up anew at each vote.
    """
    if voter.kind != "human" or voter.human is not None:
        fix = "A person signs in and votes; a token of an agent or of somebody acting for another cannot."
        raise Problem("not_a_person", "Only people review.", fix)
    if voter.source_identity in askers(grant):
        raise Problem("own_request", "This is your own request.", "Another reviewer has to decide about it.")
    if not seats(voter.source_identity, grant, groups, now):
        fix = "Ask your platform engineer who reviews this."
        raise Problem("not_reviewer", "You are not among the reviewers of this request.", fix)
