"""Groups, reviewers and ticket patterns change while grants are open, as docs/reviewer-changes.md says (REV 3-8)."""

from dataclasses import replace

import pytest

from jitney.core.access.grant import State
from jitney.core.config import ReviewerGroup
from jitney.core.policy.cedar import PolicySet
from jitney.handlers.credentials import create_credentials
from jitney.handlers.grants import create_grant
from jitney.handlers.review_notices import notify
from jitney.handlers.suspensions import lift, suspend
from tests.core.identity import minting
from tests.handlers.conftest import POLICIES, REQUEST_BODY
from tests.handlers.review_browser import ReviewSystem, review_system
from tests.handlers.test_break_glass import SETTINGS, judge, smash
from tests.handlers.test_out_of_office import GROUPS, go
from tests.handlers.test_reconfigured_grants import approved, person
from tests.handlers.test_review_pages import pending, stored
from tests.handlers.test_review_steps import asked

OWNERS = ReviewerGroup(("staff.alice", "staff.bob"))
APPROVED = 'context.approvals.contains("owners")'
RENAMED = POLICIES.replace('"owners"', '"stewards"')
EITHER = POLICIES.replace('@approval("owners")', "").replace(
    APPROVED, f'({APPROVED} || context.approvals.contains("stewards"))'
)


@pytest.fixture
def desk() -> ReviewSystem:
    return review_system(reviewers={"owners": OWNERS})


def deploy(desk: ReviewSystem, text: str, **groups: ReviewerGroup) -> None:
    texts = replace(desk.system.ports.config.policies, text=text, version=text)
    config = replace(desk.system.ports.config, policies=texts, reviewers=groups)
    desk.system.ports.__dict__.update(config=config, policies=PolicySet.load(texts))


def renewed(desk: ReviewSystem, grant_id: str) -> int:
    return desk.system.call(create_credentials, grant_id=grant_id)[0]


def test_rev_03_a_group_is_renamed_in_two_deployments_and_no_grant_is_lost(desk: ReviewSystem):
    active = approved(desk, person(desk, "alice"))
    waiting = pending(desk, reason="another report")
    deploy(desk, EITHER, owners=OWNERS, stewards=OWNERS)
    assert renewed(desk, active.id) == 200
    bob = person(desk, "bob")
    assert bob.decide(f"/reviews/{waiting.id}", bob.first_form(waiting.id)).status == 303
    assert (stored(desk, waiting).state, renewed(desk, waiting.id)) == (State.ACTIVE, 200)
    later = pending(desk, reason="a third report")
    assert later.reviews == (("owners",), ("stewards",))
    deploy(desk, RENAMED, stewards=OWNERS)
    alice = person(desk, "alice")
    assert alice.decide(f"/reviews/{later.id}", alice.first_form(later.id)).status == 303
    assert (stored(desk, later).state, renewed(desk, later.id)) == (State.ACTIVE, 200)
    assert renewed(desk, active.id) == 403


def test_rev_03_a_group_that_is_renamed_at_once_loses_its_requests_and_renewals(desk: ReviewSystem):
    active = approved(desk, person(desk, "alice"))
    waiting = pending(desk, reason="another report")
    deploy(desk, RENAMED, stewards=OWNERS)
    assert renewed(desk, active.id) == 403
    assert notify(asked(waiting, "reminded"), desk.system.ports)["error"] == "TooFewReviewers"
    olga = person(desk, "olga", "security")
    assert all('id="revoke"' in olga.send("GET", f"/reviews/{each.id}").text for each in (active, waiting))
    assert 'id="revoke"' not in person(desk, "alice").send("GET", f"/reviews/{active.id}").text


def test_rev_06_the_vote_of_a_delegate_ends_with_the_member_or_the_delegate():
    desk = review_system(reviewers=GROUPS)
    go(person(desk, "bob"))
    carol, grant = person(desk, "carol"), pending(desk)
    assert carol.decide(f"/reviews/{grant.id}", carol.first_form(grant.id)).status == 303
    owners = GROUPS["owners"]
    left = owners._replace(members=("staff.alice", "staff.harriet"))
    for changed, status in ((owners, 200), (left, 403), (owners._replace(delegates=()), 403)):
        desk.system.ports.config = replace(desk.system.ports.config, reviewers={**GROUPS, "owners": changed})
        assert renewed(desk, grant.id) == status


def test_rev_08_a_follow_up_of_a_removed_group_is_done_by_an_operator(desk: ReviewSystem):
    desk.system.ports.config = replace(desk.system.ports.config, break_glass=SETTINGS)
    grant = pending(desk)
    smash(person(desk, "gina"), grant)
    deploy(desk, RENAMED, stewards=OWNERS)
    desk.system.ports.config = replace(desk.system.ports.config, break_glass=None)
    assert judge(person(desk, "bob"), grant, "confirm").status == 403
    assert judge(person(desk, "olga", "security"), grant, "object").status == 303
    assert stored(desk, grant).state is State.REVOKED


def test_rev_03_what_a_person_who_left_approved_can_be_renewed_once_their_suspension_is_lifted(desk: ReviewSystem):
    grant = approved(desk, person(desk, "alice"))
    olga = desk.id_token("olga", None, aud="web", groups=["security"])
    asked_for = {"kind": "human", "name": "staff.alice", "reason": "left"}
    status, answer, _ = desk.system.call(suspend, asked_for, token=olga)
    assert (status, renewed(desk, grant.id)) == (201, 403)
    left = OWNERS._replace(members=("staff.bob",))
    desk.system.ports.config = replace(desk.system.ports.config, reviewers={"owners": left})
    lifted = desk.system.call(lift, {"reason": "disabled"}, token=olga, grant_id=answer["suspension"]["id"])
    assert (lifted[0], renewed(desk, grant.id)) == (200, 200)


def test_id_05_an_approval_sees_the_groups_of_the_request_and_a_renewal_those_of_the_token(desk: ReviewSystem):
    """Teams merged meanwhile, and the agent's tokens have another group."""
    waiting = pending(desk)
    active = approved(desk, person(desk, "alice"))
    assert active.id == waiting.id
    other = minting.token(groups=["merged"])
    assert desk.system.call(create_credentials, grant_id=active.id, token=other)[0] == 403
    assert renewed(desk, active.id) == 200


def test_other_ticket_patterns_leave_pending_requests_and_open_grants_alone(desk: ReviewSystem):
    active = approved(desk, person(desk, "alice"))
    waiting = pending(desk, reason="another report")
    config = desk.system.ports.config
    asking = {alias: replace(each, ticket_patterns=("OPS-*",)) for alias, each in config.targets.items()}
    desk.system.ports.config = replace(config, targets=asking)
    status, problem, _ = desk.system.call(create_grant, REQUEST_BODY)
    assert (status, problem["code"], problem["errors"][0]["pointer"]) == (400, "request_invalid", "/ticket")
    assert renewed(desk, active.id) == 200
    bob = person(desk, "bob")
    assert bob.decide(f"/reviews/{waiting.id}", bob.first_form(waiting.id)).status == 303
    assert renewed(desk, waiting.id) == 200
