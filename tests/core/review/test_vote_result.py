"""What a vote does to a grant, with a policy that a test answers for."""

from dataclasses import replace

import pytest

from jitney.core.access.decision import Decision, Effect
from jitney.core.access.grant import Grant, State, VoteVerdict
from jitney.core.access.request import Permission
from jitney.core.config import ReviewerGroup
from jitney.core.review.content import content_hash
from jitney.core.review.selection import NarrowedApproval
from jitney.core.review.vote_result import apply_vote
from tests.core.review.samples import under_review
from tests.core.review.test_votes import a_vote, code
from tests.fakes import NOW, PENDING

ONE = {"owners": ReviewerGroup(("corp.alice",))}
TWO = {"owners": ReviewerGroup(("corp.alice", "corp.bob"), approvals=2)}
TWICE = replace(PENDING, permissions=(Permission(("s3:GetObject", "s3:PutObject"), ("arn:aws:s3:::b/1",)),))
HALF = NarrowedApproval((Permission(("s3:GetObject",), ("arn:aws:s3:::b/1",)),), 60)


class Policy:
    """Gives its answers in turn, and keeps what it was asked with."""

    def __init__(self, *effects: Effect) -> None:
        self.effects = list(effects)
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def __call__(self, grant: Grant, approvals) -> Decision:
        self.asked.append((content_hash(grant), tuple(approvals)))
        return Decision(self.effects.pop(0), (), grant.permissions, "v2", "", reviews=(frozenset({"legal"}),))


def voted(policy: Policy, grant: Grant = TWICE, groups=ONE, narrowing=None, verdict=VoteVerdict.APPROVE):
    return apply_vote(under_review(grant), a_vote("alice", grant, verdict), narrowing, groups, policy)


def test_rev_04_the_vote_that_completes_the_approvals_activates_what_policy_allows():
    policy = Policy(Effect.ALLOW)
    result = voted(policy)
    assert (result.grant.state, result.grant.starts_at, result.code) == (State.ACTIVE, NOW, "")
    assert policy.asked == [(content_hash(TWICE), ("owners",))]
    assert result.changes_workflow(TWICE)


def test_pol_01_the_vote_that_completes_the_approvals_fails_what_policy_denies():
    result = voted(Policy(Effect.DENY))
    assert (result.grant.state, result.code, result.restarted) == (State.FAILED, "denied", False)


def test_pol_01_a_request_that_policy_denies_fails_at_its_first_approval():
    result = voted(Policy(Effect.DENY), groups=TWO)
    assert (result.grant.state, result.code, len(result.grant.votes)) == (State.FAILED, "denied", 1)


@pytest.mark.parametrize("effect", [Effect.REVIEW, Effect.ALLOW])
def test_rev_04_a_first_approval_of_two_leaves_the_request_pending(effect: Effect):
    result = voted(Policy(effect), groups=TWO)
    assert (result.grant.state, result.grant.reviews, len(result.grant.votes)) == (State.PENDING, TWICE.reviews, 1)


def test_rev_03_a_review_restarts_for_the_reviewers_that_policy_wants_without_any_approval():
    policy = Policy(Effect.REVIEW, Effect.REVIEW)
    result = voted(policy)
    assert [approvals for _, approvals in policy.asked] == [("owners",), ()]
    assert (result.grant.state, result.grant.votes, result.grant.reviews) == (State.PENDING, (), (("legal",),))
    assert (result.restarted, result.code, len(result.voted_on.votes)) == (True, "review_changed", 1)
    assert result.changes_workflow(TWICE)


def test_pol_01_what_policy_denies_without_approvals_fails_and_is_not_restarted():
    assert voted(Policy(Effect.REVIEW, Effect.DENY)).grant.state is State.FAILED


def test_rev_07_a_narrowed_approval_is_what_policy_decides_about_and_what_becomes_active():
    policy = Policy(Effect.ALLOW)
    result = voted(policy, narrowing=HALF)
    assert (result.grant.permissions, result.grant.expires_at) == (HALF.permissions, NOW + 60)
    assert policy.asked[0][0] == content_hash(result.grant) != content_hash(TWICE)


@pytest.mark.parametrize("groups", [ONE, TWO])
def test_pol_01_a_narrowed_approval_that_policy_denies_is_refused(groups):
    """The reviewer can select another part. A denial of the whole request ends it."""
    seen = a_vote("alice", TWICE)
    asked = (under_review(TWICE), seen, HALF, groups, Policy(Effect.DENY))
    assert code(apply_vote, *asked) == "selection_denied"


def test_rev_07_a_narrowed_request_that_needs_more_votes_says_when_it_was_narrowed():
    policy = Policy(Effect.REVIEW, Effect.REVIEW)
    result = voted(policy, groups=TWO, narrowing=HALF)
    assert (result.grant.state, result.grant.narrowed_at, result.decision) == (State.PENDING, NOW, None)
    assert [approvals for _, approvals in policy.asked] == [()]
    assert result.changes_workflow(TWICE)
    whole = voted(policy, groups=TWO)
    assert (whole.grant.narrowed_at, whole.changes_workflow(TWICE)) == (None, False)


def test_rev_07_a_narrowed_approval_of_another_version_is_refused_whole():
    seen = a_vote("alice", replace(TWICE, duration_seconds=299))
    assert code(apply_vote, under_review(TWICE), seen, HALF, ONE, Policy()) == "review_changed"


@pytest.mark.parametrize("narrowing", [None, HALF])
def test_rev_04_a_repeated_vote_returns_the_same_grant_and_asks_policy_nothing(narrowing):
    once = voted(Policy(Effect.REVIEW), groups=TWO, narrowing=narrowing).grant
    again = apply_vote(under_review(once), a_vote("alice", once), None, TWO, Policy())
    assert again.grant is once


def test_rev_06_a_rejection_asks_policy_nothing():
    result = voted(Policy(), verdict=VoteVerdict.REJECT)
    assert (result.grant.state, result.decision, result.code) == (State.REJECTED, None, "")
    assert result.changes_workflow(TWICE)
