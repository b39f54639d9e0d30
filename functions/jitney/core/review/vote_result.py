"""The effect of a vote on a grant: rejected, counted, narrowed, active, restarted or failed (rows REV 3-7, POL 1).

Pure.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.grant import Grant, State, Vote
from jitney.core.problems import Problem
from jitney.core.review.content import content_hash
from jitney.core.review.grant_under_review import GrantUnderReview
from jitney.core.review.present_denial import denied_for_now, selection_denied
from jitney.core.review.reviewers import Groups
from jitney.core.review.schedule import next_change_at
from jitney.core.review.selection import NarrowedApproval
from jitney.core.review.votes import activated, cast, has_enough_approvals, narrowed, restart_review

PolicyCheck: TypeAlias = Callable[[Grant, Collection[str]], Decision]
"""Returns what policy decides about a grant now, with these approvals."""


class VoteResult(NamedTuple):
    """The grant after a vote.

    `voted_on` is the grant that the vote's record describes. `decision` is set if it decided the grant: the approvals
    are complete, or policy denies it.
    """

    grant: Grant
    voted_on: Grant
    decision: Decision | None = None

    @property
    def restarted(self) -> bool:
        """Whether policy needs other reviewers, which voids all votes."""
        return self.decision is not None and self.grant.state is State.PENDING

    @property
    def code(self) -> str:
        """The code for the vote's record; "" if the vote had its usual effect."""
        if self.restarted:
            return "review_changed"
        return "denied" if self.grant.state is State.FAILED else ""

    def changes_workflow(self, before: Grant) -> bool:
        """Whether the workflow has work to do: a decision, a restart, or a notice of a narrowed request."""
        after = self.grant
        return after.state is not State.PENDING or self.restarted or after.narrowed_at != before.narrowed_at


def apply_vote(
    review: GrantUnderReview, vote: Vote, narrowing: NarrowedApproval | None, groups: Groups, check: PolicyCheck
) -> VoteResult:
    """Return the result of `vote` for the grant. The vote covers the whole grant, or the part in `narrowing`.

    The result holds the same grant if the vote changes nothing. Each approval is checked against the present policy
    (POL 1). The grant fails if policy denies it, and becomes active only if policy allows it with the approvals. Raises
    Problem selection_denied for a narrowed approval that policy denies, because the reviewer can select another part.
    It is also raised for an approval that policies deny only until a time window changes, before the review ends.
    Raises the problems of `narrowed`, `cast` and `check`, too.
    """
    grant = review.grant
    voted_on = grant
    if narrowing and grant.call:
        detail = "The request is for one call, which cannot be narrowed."
        raise Problem("not_narrower", detail, "Approve the whole call, or reject it.")
    if narrowing and vote.content == content_hash(grant):
        voted_on = narrowed(grant, narrowing)
        vote = replace(vote, content=content_hash(voted_on))
    after = cast(review.with_grant(voted_on), vote, groups)
    if after is voted_on:
        return VoteResult(grant, grant)
    if after.state is State.PENDING:
        decision = check(after, after.approvals)
        if narrowing and decision.effect is Effect.DENY:
            raise selection_denied(decision)
        if early := denied_for_now(decision, after.expires_at):
            raise early
        if has_enough_approvals(after) or decision.effect is Effect.DENY:
            return _decided(after, vote.at, decision, check)
    if after.state is State.PENDING and voted_on is not grant:
        after = replace(after, narrowed_at=next_change_at(grant, vote.at))
    return VoteResult(after, after)


def _decided(grant: Grant, now: int, decision: Decision, check: PolicyCheck) -> VoteResult:
    """Return the grant as `decision`, made with its approvals, leaves it: active, restarted, or failed."""
    if decision.effect is Effect.ALLOW:
        active = activated(grant, now)
        return VoteResult(active, active, decision)
    if decision.effect is Effect.REVIEW:
        decision = check(grant, ())  # all groups that policy requires now, not only those without an approval
    if decision.effect is Effect.REVIEW:
        return VoteResult(restart_review(grant, decision, next_change_at(grant, now)), grant, decision)
    failed = grant.move(State.FAILED)
    return VoteResult(failed, failed, decision)
