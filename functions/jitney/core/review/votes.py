"""Votes: which of them count, and when there are enough (rows REV 3-7). Pure."""

from collections.abc import Collection
from dataclasses import replace

from jitney.core.access.decision import Decision
from jitney.core.access.grant import Grant, State, Vote, VoteVerdict
from jitney.core.access.new_grant import capped_end, reviews_of
from jitney.core.access.request import RequestedAccess, Way
from jitney.core.delegation import Delegation
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.problems import Problem
from jitney.core.review.approval_count import count_represented, represented_members, with_counted_groups
from jitney.core.review.content import content_hash
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.reviewers import Groups, requested_groups, under_review_at
from jitney.core.review.selection import NarrowedApproval
from jitney.core.stored_identity import Identity


def review_ended(current: Grant, detail: str) -> Problem:
    """Return the problem of a decision that came too late. Its fix says how active access can still be ended."""
    fix = "No decision is needed."
    if current.state is State.ACTIVE:
        fix = "A reviewer or an operator can end the access on the request's page: Revoke access."
    if current.awaits_follow_up:
        fix = "Break-glass granted it. Another person must do the follow-up review on the request's page."
    return Problem("review_ended", detail, fix, {"grant": current.view()})


def cast(review: GrantUnderReview, vote: Vote, groups: Groups) -> Grant:
    """Return the pending grant after `vote`: rejected, or with its approvals counted.

    `vote.content` is the hash of what the voter saw. A repeated vote, such as a second click, returns the same grant,
    even after the review ended. If the group needs fewer approvals now, a repeated vote can complete the review. A
    different vote replaces the earlier one of the same person. Raises Problem review_ended when the grant is not
    pending at `vote.at`, and review_changed when the voter saw another version.
    """
    grant, content = review.grant, content_hash(review.grant)
    repeated = any(_already_given(each, vote, content) for each in grant.votes)
    current = grant.at(vote.at)
    if repeated and current.state is not State.PENDING:
        return grant
    if current.state is not State.PENDING:
        raise review_ended(current, f"The request was {current.state} before your vote arrived.")
    if vote.content != content:
        detail, fix = "A reviewer narrowed it, or policies changed.", "Read the request again, then vote."
        if repeated:  # the vote that narrowed the request, whose answer was lost
            detail, fix = "You approved it as it is now.", "To change your vote, read the request again."
        detail = f"The request changed after you opened it. {detail}"
        raise Problem("review_changed", detail, fix, {"grant": current.view()})
    votes = (*(each for each in grant.votes if each.human != vote.human), vote)
    voted = replace(grant, votes=tuple(with_counted_groups(each, review, groups, vote.at) for each in votes))
    if vote.verdict is VoteVerdict.REJECT:
        return voted.move(State.REJECTED)
    approvals = tuple(sorted(_approved(requested_groups(voted), review.with_grant(voted), groups)))
    same = repeated and approvals == grant.approvals and vote.comment in ("", *_comments(grant, vote))
    return grant if same else replace(voted, approvals=approvals)


def is_last_approval(
    review: GrantUnderReview, human: Identity, delegations: tuple[Delegation, ...], groups: Groups, now: int
) -> bool:
    """Return whether an approval of the pending grant by `human` would complete the approvals that the grant needs now.

    Policies then decide again with that approval, and can require other reviewers.
    """
    vote = Vote(human, VoteVerdict.APPROVE, content_hash(review.grant), MaskedComment(""), now, "", delegations)
    return has_enough_approvals(cast(review, vote, groups))


def valid_approvals(review: GrantUnderReview, groups: Groups) -> frozenset[str]:
    """Return the groups with enough approvals of exactly this grant, for an issue of credentials (REV 3).

    Memberships are those at the last vote on the grant. Owners, delegations and the number of approvals are checked
    against the present configuration.
    """
    return _approved(review.grant.approvals, review, groups)


def present_approvals(review: GrantUnderReview, groups: Groups, now: int) -> frozenset[str]:
    """Return the groups with enough approvals of exactly this grant by present members at `now`, for sending its call.

    Unlike `valid_approvals`, a vote does not count once its voter has left the group. An escalation that became due
    only after the review gives no vote another group.
    """
    reviewed_at = under_review_at(review.grant, now)
    votes = tuple(with_counted_groups(each, review, groups, reviewed_at) for each in review.grant.votes)
    return valid_approvals(review.with_grant(replace(review.grant, votes=votes)), groups)


def approving_votes(review: GrantUnderReview) -> tuple[Vote, ...]:
    """Return the votes that approve the grant as it is, one per person, of trusted people who are no requesters."""
    grant, content = review.grant, content_hash(review.grant)
    approving = (vote for vote in grant.votes if vote.verdict is VoteVerdict.APPROVE and vote.content == content)
    by_human = {vote.human: vote for vote in approving}
    return tuple(
        vote for human, vote in by_human.items() if human not in review.requesters and review.is_trusted(human)
    )


def _approved(names: Collection[str], review: GrantUnderReview, groups: Groups) -> frozenset[str]:
    """Return the groups where enough different people approved the grant as it is (REV 4)."""
    votes = approving_votes(review)
    return frozenset(
        name
        for name in names
        if name in groups
        and count_represented(represented_members(vote, name, review, groups) for vote in votes)
        >= groups[name].approvals
    )


def _comments(grant: Grant, vote: Vote) -> tuple[str, ...]:
    """Return what the voter said before. A repeated vote with another comment replaces the earlier vote."""
    return tuple(each.comment for each in grant.votes if each.human == vote.human)


def _already_given(given: Vote, vote: Vote, content: str) -> bool:
    """Return whether `given` equals `vote` and has at least the same delegations."""
    same = (given.human, given.verdict, given.content) == (vote.human, vote.verdict, content)
    return same and set(vote.delegations) <= set(given.delegations)


def has_enough_approvals(grant: Grant) -> bool:
    """Return whether the approvals cover all groups of one alternative."""
    return any(frozenset(alternative) <= frozenset(grant.approvals) for alternative in grant.reviews)


def restart_review(grant: Grant, decision: Decision, now: int) -> Grant:
    """Return the pending grant without votes, for the reviewers that `decision` requires.

    What reviewers narrowed stays narrowed, and an approval for this time only stays one.
    """
    again = replace(grant, reviews=reviews_of(decision), policy_version=decision.policy_version)
    earlier = decision.earlier_approvals or ()  # none that stopped counting
    counts = decision.counts_again and not grant.this_time_only
    again = replace(again, counts_again=counts, earlier_approvals=earlier)
    return replace(again, approvals=(), votes=(), review_restarted_at=now)


def activated(grant: Grant, now: int) -> Grant:
    """Return the approved grant, active from `now` for its duration or until its `ends_by`.

    Its credentials are not issued yet. A grant for the gateway has no credentials outside the broker.
    """
    end = capped_end(now + grant.duration_seconds, grant.ends_by)
    return replace(grant.move(State.ACTIVE), starts_at=now, expires_at=end, unissued=grant.way is Way.CREDENTIALS)


def narrowed(grant: Grant, approval: NarrowedApproval) -> Grant:
    """Return the grant with fewer actions, fewer resources, less time, or for this time only (REV 7, 11).

    Earlier votes no longer count. `requested` keeps what the agent requested. Raises Problem not_narrower when anything
    was added, nothing is left, or the duration is not positive.
    """
    permissions, duration_seconds, once = approval
    requested = {pair for permission in grant.permissions for pair in permission.pairs()}
    left = {pair for permission in permissions for pair in permission.pairs()}
    incomplete = any(not each.actions or not each.resources for each in permissions)  # adds no pair to `left`
    most = grant.duration_seconds
    if not left:
        detail = "Nothing is checked: no action is left with a resource."
        raise Problem("not_narrower", detail, "Check at least one action with a resource, or reject the request.")
    if duration_seconds < 1:
        detail = f"The duration is not a whole number of seconds from 1 to {most}."
        raise Problem("not_narrower", detail, "Enter the seconds in digits.")
    if incomplete or not left <= requested or duration_seconds > most:
        fix = f"Remove actions or resources, or shorten the duration (at most {most} s). Add nothing."
        raise Problem("not_narrower", "This is more than was requested.", fix)
    asked = grant.requested or RequestedAccess(grant.permissions, grant.duration_seconds)
    less = replace(grant, permissions=permissions, duration_seconds=duration_seconds)
    if once:
        less = replace(less, counts_again=False, this_time_only=True)
    return replace(less, requested=asked if left != requested or duration_seconds < most else grant.requested)
