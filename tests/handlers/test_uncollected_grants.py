"""A request that equals an approved one gets its grant, as long as no credentials were issued (row REV 12)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jitney.core.access.grant import Grant, State
from jitney.core.config import ReviewerGroup
from jitney.core.review.selection import NarrowedApproval
from jitney.core.review.votes import narrowed
from jitney.handlers.credentials import create_credentials
from jitney.handlers.grants import create_grant
from jitney.handlers.releases import release_grant
from tests.core.identity import minting
from tests.handlers.conftest import POLICIES, REQUEST_BODY, WRITE, System, policies_of
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot, with_legal

FORBIDDEN = '@id("never") forbid (principal, action, resource);'
BOTH = [WRITE[0] | {"actions": ["s3:PutObject", "s3:DeleteObject"]}]
ASKED = REQUEST_BODY | {"permissions": BOTH, "duration_seconds": 300}


def ask(system: System, **how: Any) -> tuple[int, dict[str, Any], dict[str, str]]:
    return system.call(create_grant, ASKED, **how)


def approve(system: System, change: Callable[[Grant], Grant] = lambda grant: grant) -> str:
    """Request a grant that a reviewer approves after `change`. Return its id."""
    number = str(ask(system)[1]["grant"]["id"])
    system.store.grants[number] = change(system.store.grants[number])
    assert vote(ballot(system.store.grants[number]), system.ports).state is State.ACTIVE
    return number


def collect(system: System, number: str) -> None:
    """The agent gets the first credentials of the grant."""
    system.store.grants[number] = replace(system.store.grants[number], unissued=False)


@pytest.fixture
def system() -> System:
    return System()


def test_rev_12_a_repeated_request_gets_the_grant_that_was_approved_meanwhile(system: System):
    approved = approve(system)
    status, body, headers = ask(system)
    assert (status, body["grant"]["id"], body["grant"]["state"]) == (201, approved, "active")
    assert (body["credentials_path"], "credentials" in body) == (f"/v1/grants/{approved}/credentials", False)
    assert headers["Location"].endswith(f"/v1/grants/{approved}")
    assert len(system.reviews.started) == 1
    assert system.outcomes()[-1] == ("request", "review", "joined")


def test_rev_12_after_the_first_credentials_an_equal_request_is_reviewed_again(system: System):
    approved = approve(system)
    collect(system, approved)
    status, body, _ = ask(system)
    assert (status, body["grant"]["id"] != approved) == (202, True)


def test_rev_12_a_released_grant_is_not_given_again(system: System):
    approved = approve(system)
    system.call(release_grant, grant_id=approved)
    assert ask(system)[0] == 202


@pytest.mark.parametrize(
    "change",
    [
        lambda grant: narrowed(grant, NarrowedApproval(grant.permissions, 60)),
        lambda grant: narrowed(
            grant, NarrowedApproval((replace(grant.permissions[0], actions=("s3:PutObject",)),), 300)
        ),
    ],
)
def test_rev_07_a_narrowed_approval_is_not_what_was_requested(system: System, change: Callable[[Grant], Grant]):
    approve(system, change)
    assert ask(system)[0] == 202


@pytest.mark.parametrize(("passed", "status"), [(150, 201), (151, 202)])
def test_rev_12_less_than_half_of_the_time_is_not_what_was_requested(system: System, passed: int, status: int):
    approve(system)
    system.now += passed
    assert ask(system)[0] == status


def test_sts_05_another_agent_gets_no_approved_grant(system: System):
    approved = approve(system)
    status, body, _ = ask(system, token=minting.token(sub="other-agent"))
    assert (status, body["grant"]["id"] != approved) == (202, True)


def test_pol_01_a_request_that_policy_denies_now_gets_no_approved_grant(system: System):
    approve(system)
    system.ports.policies = policies_of(replace(system.ports.config.policies, text=POLICIES + FORBIDDEN))
    assert ask(system)[0] == 403


def two_approvals(system: System) -> None:
    owners = ReviewerGroup(("corp.alice", "corp.bob"), approvals=2)
    system.ports.config = replace(system.config, reviewers={"owners": owners})


def another_role(system: System) -> None:
    (target,) = system.config.targets.values()
    moved = replace(target, role_arn=f"{target.role_arn}-other")
    system.ports.config = replace(system.config, targets={moved.alias: moved})


@pytest.mark.parametrize("change", [with_legal, two_approvals, another_role])
def test_rev_12_an_approved_grant_without_credentials_now_is_reviewed_again(
    system: System, change: Callable[[System], None]
):
    """Otherwise the agent would get it with each request, until half of its time has passed."""
    approved = approve(system)
    change(system)
    assert system.call(create_credentials, grant_id=approved)[0] >= 400
    status, body, _ = ask(system)
    assert (status, body["grant"]["id"] != approved) == (202, True)


def test_rev_12_a_pending_request_comes_before_an_approved_one(system: System):
    approved = approve(system)
    collect(system, approved)
    pending = ask(system)[1]["grant"]["id"]
    assert system.store.grants[pending].state is State.PENDING
    assert ask(system)[1]["grant"]["id"] == pending
