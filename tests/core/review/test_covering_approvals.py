"""Which earlier approvals cover a request (row REV 11), without a store: it might return any grant of the agent."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.earlier_approvals import HISTORY_SECONDS, EarlierApproval
from jitney.core.access.grant import Grant, State, Vote, VoteVerdict
from jitney.core.access.request import AccessRequest
from jitney.core.access.suspensions import NO_SUSPENSIONS
from jitney.core.access_profile import GrantedProfile
from jitney.core.config import Config, ReviewerGroup
from jitney.core.review.content import content_hash
from jitney.core.review.covering_approvals import covering_approvals
from jitney.core.review.grant_under_review import GrantUnderReview
from tests.core.identity import minting
from tests.fakes import NOW, PENDING
from tests.handlers.conftest import configuration
from tests.identities import identity

CONFIG = replace(configuration(), reviewers={"owners": ReviewerGroup(("people.alice",))})
PROFILE = GrantedProfile("deploy", "0" * 64)
TARGET = CONFIG.targets["analytics-prod"]


def approved(*groups: str, **members: Any) -> Grant:
    """Return a grant that alice approved for these groups, "owners" unless others are given, and that has ended."""
    names = groups or ("owners",)
    members = {
        "counts_again": True,
        "principal": "corp.reader-agent",
        "issuer": minting.CORP,
        "role_arn": TARGET.role_arn,
        "reviews": (names,),
    } | members
    asked = replace(PENDING, **members)
    vote = Vote(identity("people.alice"), VoteVerdict.APPROVE, content_hash(asked), "", NOW, "web")
    times = {"starts_at": NOW, "expires_at": NOW + asked.duration_seconds}
    return replace(asked, state=State.RELEASED, votes=(vote,), approvals=names, **times)


def found(grant: Grant, config: Config = CONFIG, request: AccessRequest | None = None) -> tuple[EarlierApproval, ...]:
    review = GrantUnderReview(grant, config, NO_SUSPENSIONS)
    return covering_approvals([review], request or grant.as_request(), NOW + 60, NOW + 60)


def test_rev_11_the_approval_of_the_grant_itself_covers_its_request():
    grant = approved()
    assert found(grant) == (EarlierApproval(grant.id, ("owners",), NOW),)


def targets(**changes: Any) -> Config:
    changed = replace(TARGET, **changes)
    return replace(CONFIG, targets={changed.alias: changed})


CHANGES: dict[str, Callable[[], tuple[EarlierApproval, ...]]] = {
    "the target was removed": lambda: found(approved(), replace(CONFIG, targets={})),
    "another target has the role": lambda: found(
        approved(),
        replace(CONFIG, targets=CONFIG.targets | {"copy": replace(TARGET, alias="copy")}),
        replace(approved().as_request(), target="copy"),
    ),
    "the target has another role": lambda: found(approved(), targets(role_arn=f"{TARGET.role_arn}-2")),
    "the target is in another account": lambda: found(approved(), targets(account="999999999999")),
    "the target is in another Region": lambda: found(approved(), targets(region="us-east-1")),
    "the agent has another name": lambda: found(
        approved(),
        replace(
            CONFIG,
            issuers={
                name: replace(each, identity_name="other") if each.issuer == minting.CORP else each
                for name, each in CONFIG.issuers.items()
            },
        ),
    ),
    "the grant is pending": lambda: found(replace(approved(), state=State.PENDING, starts_at=None)),
    "the grant was revoked": lambda: found(replace(approved(), state=State.REVOKED)),
    "the grant failed": lambda: found(replace(approved(), state=State.FAILED)),
    "the reviewers did not see that it counts again": lambda: found(approved_without_notice()),
    "the approval counts for this grant only": lambda: found(approved(counts_again=False)),
    "the grant has another access profile": lambda: found(
        approved(access_profile=PROFILE), request=approved().as_request()
    ),
    "the grant has no access profile": lambda: found(
        approved(), request=replace(approved().as_request(), access_profile=PROFILE)
    ),
    "the request is for longer": lambda: found(
        approved(), request=replace(approved().as_request(), duration_seconds=approved().duration_seconds + 1)
    ),
    "the approval is too old": lambda: found(replace(approved(), starts_at=NOW + 60 - HISTORY_SECONDS)),
}


def approved_without_notice() -> Grant:
    """Return a grant that was approved by the same people, before the policy said that approvals count again."""
    grant = approved()
    before = replace(grant, counts_again=False, votes=(), approvals=(), state=State.PENDING)
    vote = replace(grant.votes[0], content=content_hash(before))
    return replace(grant, votes=(vote,))


@pytest.mark.parametrize("result", CHANGES.values(), ids=CHANGES)
def test_rev_11_a_grant_that_does_not_fit_any_more_covers_nothing(result: Callable[[], tuple[EarlierApproval, ...]]):
    assert result() == ()


def test_rev_11_a_second_approval_is_named_only_for_a_group_that_no_newer_one_has():
    config = replace(CONFIG, reviewers=CONFIG.reviewers | {"security": ReviewerGroup(("people.alice",))})
    old, newest = approved(id="g-old"), replace(approved(id="g-new"), starts_at=NOW + 1)
    grants = (old, approved("owners", "security", id="g-both"), newest)
    reviews = [GrantUnderReview(each, config, NO_SUSPENSIONS) for each in grants]
    assert covering_approvals(reviews, old.as_request(), NOW + 60, NOW + 60) == (
        EarlierApproval("g-new", ("owners",), NOW + 1),
        EarlierApproval("g-both", ("security",), NOW),
    )


def test_rev_11_an_escalation_that_was_not_due_before_the_approval_replaces_no_reviewer_who_left():
    """Alice approved for owners, and lea for late, to which owners would have escalated after the approval."""
    late = ReviewerGroup(("people.lea",))

    def configured(member: str, seconds: int = 30) -> Config:
        owners = ReviewerGroup((member,), escalates_to="late", escalates_after_seconds=seconds)
        return replace(CONFIG, reviewers={"owners": owners, "late": late})

    by_alice = approved("late", "owners")
    grant = replace(by_alice, votes=(*by_alice.votes, replace(by_alice.votes[0], human=identity("people.lea"))))
    assert [each.groups for each in found(grant, configured("people.alice"))] == [("late", "owners")]
    assert [each.groups for each in found(grant, configured("people.bob"))] == [("late",)]
    escalated = replace(grant, starts_at=NOW + 30)
    assert [each.groups for each in found(escalated, configured("people.bob"))] == [("late", "owners")]
    assert [each.groups for each in found(escalated, configured("people.bob", 31))] == [("late",)]
