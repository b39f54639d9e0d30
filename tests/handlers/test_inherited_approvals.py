"""The approval of a gateway grant counts for its calls, unless the policy looks at the call (row GW 4)."""

from dataclasses import replace

import pytest

from jitney.core.access.suspension_entry import Suspension, SuspensionKind
from jitney.core.access.suspensions import Suspensions
from jitney.core.config import ReviewerGroup
from jitney.handlers.gateway_calls import create_call
from jitney.handlers.grants import create_grant
from tests.core.identity import minting
from tests.handlers.gateway import DELETE, PUT, Gateway, failing
from tests.handlers.seen_votes import vote
from tests.handlers.test_ballots import ballot
from tests.handlers.test_reviewed_calls import approve, child

REVIEWED = """
@id("read") permit (principal, action in Jitney::Action::"ReadOnly", resource);
@id("change") @approval("owners") permit (principal, action in Jitney::Action::"Mutating", resource)
when { context.way == "gateway" && context.approvals.contains("owners") };
@id("each-delete") @approval("owners") forbid (principal, action, resource)
when { context.action == "s3:DeleteObject" && context.call.hasTag("operation") }
unless { context.approvals.contains("owners") };
"""
CHANGES = [{"actions": ["s3:PutObject", "s3:DeleteObject"], "resources": ["arn:aws:s3:::reports/2026/a"]}]
READING = [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::reports/2026/a"]}]


OTHER_GROUP = 'unless { context.approvals.contains("security") };'
TWO_GROUPS = REVIEWED.replace('@id("each-delete") @approval("owners")', '@id("each-delete") @approval("security")')
TWO_GROUPS = TWO_GROUPS.replace('unless { context.approvals.contains("owners") };', OTHER_GROUP)


@pytest.fixture
def gateway() -> Gateway:
    return approved_by_alice(REVIEWED)


def approved_by_alice(policies: str) -> Gateway:
    """Return an agent's gateway, whose grant for changes was approved by alice."""
    gateway = Gateway(policies, permissions=READING)
    body = {
        "target": "analytics-prod",
        "permissions": CHANGES,
        "duration_seconds": 600,
        "reason": "monthly report",
        "way": "gateway",
    }
    status, answer, _ = gateway.system.call(create_grant, body)
    assert status == 202
    gateway.grant_id = answer["grant"]["id"]
    vote(ballot(gateway.system.store.grants[gateway.grant_id]), gateway.system.ports)
    gateway.before = len(gateway.system.store.links)
    return gateway


def test_gw_04_no_person_is_asked_again_for_the_calls_of_an_approved_grant(gateway: Gateway):
    assert gateway.post(PUT)[0] == 200
    sent, *_ = gateway.records()
    assert sent["detail"]["call"]["grant_approvals"] == ["owners"]


def test_gw_04_a_call_that_the_policy_reviews_by_itself_still_waits_and_needs_its_own_approval(gateway: Gateway):
    status, _ = gateway.post(DELETE, "k")
    assert (status, child(gateway).reviews) == (202, (("owners",),))
    assert gateway.upstream.sent == []
    assert gateway.records()[0]["detail"]["call"]["grant_approvals"] == ["owners"]
    approve(gateway)
    assert gateway.post(DELETE, "k")[0] == 200
    assert gateway.post(DELETE, "k-2")[0] == 202
    assert len(gateway.upstream.sent) == 1


def test_gw_04_an_approved_call_is_not_sent_once_the_approval_of_its_grant_is_void():
    """Alice approved the grant and has left her group since. Bob approved the call for another group."""
    gateway = approved_by_alice(TWO_GROUPS)
    reviewed_by(gateway, "corp.alice")
    assert gateway.post(DELETE, "k")[0] == 202
    assert child(gateway).reviews == (("security",),)
    assert str(vote(ballot(child(gateway), "bob"), gateway.system.ports).state) == "active"
    reviewed_by(gateway, "corp.carol")
    status, answer = gateway.post(DELETE, "k")
    assert (status, answer["code"], gateway.upstream.sent) == (403, "denied", [])
    reviewed_by(gateway, "corp.alice")
    assert gateway.post(DELETE, "k")[0] == 200


def reviewed_by(gateway: Gateway, *people: str) -> None:
    system = gateway.system
    groups = {"owners": ReviewerGroup(people), "security": ReviewerGroup(("corp.bob",))}
    system.config = system.ports.config = replace(system.config, reviewers=groups)


def test_rev_06_an_escalation_that_becomes_due_after_the_review_replaces_no_reviewer_who_left():
    """Both groups approved the grant. Then the escalation to bob's group would be due, and alice leaves hers."""

    def configure(member: str) -> None:
        owners = ReviewerGroup((member,), escalates_to="security", escalates_after_seconds=60)
        groups = {"owners": owners, "security": ReviewerGroup(("corp.bob",))}
        system.ports.config = replace(system.ports.config, reviewers=groups)

    both = 'when { context.way == "gateway" && context.approvals.containsAll(["owners", "security"]) };'
    reads = '@id("read") permit (principal, action in Jitney::Action::"ReadOnly", resource);'
    gateway = Gateway(f'{reads}@id("change") permit (principal, action, resource) {both}', permissions=READING)
    system, body = gateway.system, {"target": "analytics-prod", "reason": "monthly report", "way": "gateway"}
    configure("corp.alice")
    _, answer, _ = system.call(create_grant, body | {"permissions": CHANGES, "duration_seconds": 600})
    gateway.grant_id = answer["grant"]["id"]
    for name in ("alice", "bob"):
        vote(ballot(system.store.grants[gateway.grant_id], name), system.ports)
    system.now += 60
    assert gateway.post(PUT)[0] == 200
    configure("corp.carol")
    assert gateway.post(PUT)[0] == 202
    assert len(gateway.upstream.sent) == 1


def leaves(gateway: Gateway) -> None:
    reviewed_by(gateway, "corp.bob")


def is_suspended(gateway: Gateway) -> None:
    suspension = Suspension(
        "s-1", SuspensionKind.HUMAN, "corp.alice", gateway.system.now, "corp.olga", "leaked", issuer=minting.CORP
    )
    gateway.system.store.suspensions = Suspensions("s-1", (suspension,))


def other_content(gateway: Gateway) -> None:
    grant = gateway.system.store.grants[gateway.grant_id]
    votes = tuple(replace(each, content="0" * 64) for each in grant.votes)
    gateway.system.store.grants[grant.id] = replace(grant, votes=votes)


@pytest.mark.parametrize("void", [leaves, is_suspended, other_content])
def test_gw_04_an_approval_of_the_grant_that_is_void_now_counts_for_no_call(gateway: Gateway, void):
    void(gateway)
    assert gateway.post(PUT)[0] == 202
    assert gateway.upstream.sent == []


def test_gw_04_a_call_that_requests_its_own_grant_is_reviewed_once():
    gateway = Gateway(REVIEWED, permissions=READING)
    system, body = gateway.system, {"target": "analytics-prod", "reason": "monthly report", **PUT}
    status, waiting, _ = system.call(create_call, body, idempotency_key="k")
    assert (status, waiting["grant"]["call"]) == (202, None)
    vote(ballot(system.store.grants[waiting["grant"]["id"]]), system.ports)
    assert system.call(create_call, body, idempotency_key="k")[0] == 200
    assert len(gateway.upstream.sent) == 1
    assert not [each for each in system.store.grants.values() if each.call]


def test_gw_04_a_vote_on_a_call_is_decided_with_the_approvals_of_its_grant(gateway: Gateway):
    """Both policies have to allow it: the one of the grant by its approval, the one of the call by this vote."""
    gateway.post(DELETE, "k")
    assert str(approve(gateway).state) == "active"
    assert child(gateway).approvals == ("owners",)


def test_rev_16_the_key_of_a_call_that_needed_no_review_and_was_not_sent_begins_none(gateway: Gateway):
    """A reviewer of the grant leaves after an attempt that AWS did not receive. So the call is reviewed by itself."""
    gateway.upstream.answer = failing("upstream_unreached")
    before = gateway.post(PUT, "k")[1]["call_id"]
    leaves(gateway)
    gateway.upstream.answer, gateway.upstream.sent = None, []
    status, answer = gateway.post(PUT, "k")
    assert (status, answer["code"], answer["call_id"]) == (422, "idempotency_mismatch", before)
    assert not [each for each in gateway.system.store.grants.values() if each.call]
    waiting = gateway.post(PUT, "k-2")[1]["call_id"]
    vote(ballot(child(gateway), "bob"), gateway.system.ports)
    status, answer = gateway.post(PUT, "k-2")
    assert (status, answer["call_id"], len(gateway.upstream.sent)) == (200, waiting, 1)


def test_rev_16_an_approval_is_not_used_for_an_attempt_that_was_made_without_it(gateway: Gateway):
    """The reviewer of the grant is back for one attempt, while the call is under review by itself."""
    leaves(gateway)
    assert gateway.post(PUT, "k")[0] == 202
    reviewed_by(gateway, "corp.alice")
    gateway.upstream.answer = failing("upstream_unreached")
    assert gateway.post(PUT, "k")[1]["code"] == "upstream_unreached"
    leaves(gateway)
    gateway.upstream.answer, gateway.upstream.sent = None, []
    vote(ballot(child(gateway), "bob"), gateway.system.ports)
    assert gateway.post(PUT, "k")[1]["code"] == "idempotency_mismatch"
    assert (gateway.upstream.sent, str(child(gateway).state)) == ([], "active")
