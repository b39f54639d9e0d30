"""Votes: what each says, how they are counted, and what a grant becomes by one (rows REV 3-7). Pure."""

from collections.abc import Collection
from dataclasses import replace

from jitney.core.access.grant import Grant, State, Vote, VoteVerdict, reviews_of
from jitney.core.access.request import Permission
from jitney.core.policy.decision import Decision
from jitney.core.problems import Problem
from jitney.core.review.approval_count import count_represented, represented_members, with_counted_groups
from jitney.core.review.content import content_hash
from jitney.core.review.reviewers import Groups, requested_groups, requesters


def cast(grant: Grant, vote: Vote, groups: Groups) -> Grant:
    """The pending grant after `vote`: rejected by one rejection, or with the approvals that there then are.

    `vote.content` is the hash of what the voter saw. A vote that stands already changes nothing, though the review be
    over: people click twice. Another vote of the same human takes the place of the first. Raises Problem: review_ended
    when the grant is not pending at `vote.at`, or review_changed when it is no longer what the voter saw.
    """
    if any(_already_given(each, vote, content_hash(grant)) for each in grant.votes):
        return grant
    current = grant.at(vote.at)
    if current.state is not State.PENDING:
        detail = f"The request was {current.state} before your vote came."
        raise Problem("review_ended", detail, "Nothing is left to decide.", {"grant": current.view()})
    if vote.content != content_hash(grant):
        detail = "The request is not what you were shown: another reviewer approved less, or policies changed."
        raise Problem("review_changed", detail, "Read it again, then vote.", {"grant": current.view()})
    votes = (*(each for each in grant.votes if each.human != vote.human), vote)
    voted = replace(grant, votes=tuple(with_counted_groups(each, grant, groups, vote.at) for each in votes))
    if vote.verdict is VoteVerdict.REJECT:
        return voted.move(State.REJECTED)
    return replace(voted, approvals=tuple(sorted(_approved(requested_groups(voted), voted, groups))))


def valid_approvals(grant: Grant, groups: Groups) -> frozenset[str]:
    """The approvals that hold when credentials are issued: for exactly this grant, by enough different people (REV 3).

    For which groups they may approve was looked up as they voted; in whose place, and that it was then in force, is
    looked at again.
    """
    return _approved(grant.approvals, grant, groups)


def approving_votes(grant: Grant) -> tuple[Vote, ...]:
    """The votes that approve the grant as it is, one of each person; none of whoever asks."""
    content = content_hash(grant)
    given = {
        vote.human: vote for vote in grant.votes if vote.verdict is VoteVerdict.APPROVE and vote.content == content
    }
    return tuple(vote for human, vote in given.items() if human not in requesters(grant))


def _approved(names: Collection[str], grant: Grant, groups: Groups) -> frozenset[str]:
    """Those of the groups of which enough different people have approved the grant as it is (REV 4)."""
    votes = approving_votes(grant)
    return frozenset(
        name
        for name in names
        if name in groups
        and count_represented(represented_members(vote, name, grant, groups) for vote in votes)
        >= groups[name].approvals
    )


def _already_given(given: Vote, vote: Vote, content: str) -> bool:
    """Whether a vote that was given says all that `vote` would: of the same person, for no further place."""
    same = (given.human, given.verdict, given.content) == (vote.human, vote.verdict, content)
    return same and set(vote.delegations) <= set(given.delegations)


def has_enough_approvals(grant: Grant) -> bool:
    """Whether the approvals hold all groups of one of the alternatives that policy asked for."""
    return any(frozenset(alternative) <= frozenset(grant.approvals) for alternative in grant.reviews)


def restart_review(grant: Grant, decision: Decision, now: int) -> Grant:
    """The pending grant, for the reviewers that a decision wants by now; nobody has voted on that."""
    again = replace(grant, reviews=reviews_of(decision), policy_version=decision.policy_version)
    return replace(again, approvals=(), votes=(), review_restarted_at=now)


def activated(grant: Grant, now: int) -> Grant:
    """The approved grant, active from `now` for the whole of its duration."""
    return replace(grant.move(State.ACTIVE), starts_at=now, expires_at=now + grant.duration_seconds)


def narrowed(grant: Grant, permissions: Collection[Permission], duration_seconds: int) -> Grant:
    """The grant for less: fewer actions, fewer resources, shorter (REV 7). Votes for the whole do not count for it.

    Raises Problem not_narrower: something was not asked, nothing is left, it would take longer or no time.
    """
    asked = {pair for permission in grant.permissions for pair in permission.pairs()}
    left = {pair for permission in permissions for pair in permission.pairs()}
    idle = any(not each.actions or not each.resources for each in permissions)  # which no pair would show
    most = grant.duration_seconds
    if not left:
        detail = "Nothing is checked: no action is left with a resource."
        raise Problem("not_narrower", detail, "Leave at least one action with a resource, or reject it.")
    if duration_seconds < 1:
        detail = f"The seconds are not a whole number from 1 to {most}."
        raise Problem("not_narrower", detail, "Say for how many seconds, in digits.")
    if idle or not left <= asked or duration_seconds > most:
        fix = f"Leave out actions or resources, or shorten it: {most} s at most; add nothing."
        raise Problem("not_narrower", "This is more than was asked.", fix)
    return replace(grant, permissions=tuple(permissions), duration_seconds=duration_seconds)
