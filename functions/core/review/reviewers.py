"""Who may vote on a request: members of the groups that policy asks for, never whoever asks (rows REV 5, 6)."""

from collections.abc import Mapping

from core.access.grant import Grant
from core.config import ReviewerGroup
from core.identity.principal import Principal
from core.problems import Problem

type Groups = Mapping[str, ReviewerGroup]


def asked_groups(grant: Grant) -> frozenset[str]:
    """The groups whose approval policy asks for, in any of the alternatives."""
    return frozenset(group for alternative in grant.reviews for group in alternative)


def members(group: str, grant: Grant, groups: Groups, now: int) -> frozenset[str]:
    """The source identities of those who may approve for `group` now: after a while, whom it escalates to as well.

    Nobody for a group that is no longer configured.
    """
    if group not in groups:
        return frozenset()
    entry = groups[group]
    late = entry.escalates_to and now >= grant.created_at + entry.escalates_after_seconds
    further = groups[entry.escalates_to].members if late and entry.escalates_to in groups else ()
    return frozenset((*entry.members, *further)) - askers(grant)


def askers(grant: Grant) -> frozenset[str]:
    """Whose request it is, the agent's and the human's whom it acts for: nobody decides about their own (REV 5)."""
    return frozenset({grant.principal, grant.human or grant.principal})


def seats(human: str, grant: Grant, groups: Groups, now: int) -> frozenset[str]:
    """The groups for which `human`, a source identity, may vote on the grant now."""
    return frozenset(group for group in asked_groups(grant) if human in members(group, grant, groups, now))


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
