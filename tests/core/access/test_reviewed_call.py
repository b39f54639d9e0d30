"""The grant of one call: what it has of the grant that the call is made in, and that it is used once."""

import json
from dataclasses import fields, replace

import pytest

from jitney.adapters.grant_items import grant_of, grant_update, item_of
from jitney.core.access.break_glass import BreakGlassUse, FollowUp, FollowUpVerdict
from jitney.core.access.decision import Decision, Effect
from jitney.core.access.earlier_approvals import EarlierApproval
from jitney.core.access.eligibility import require_active_grant
from jitney.core.access.grant import Grant, GrantEnd, State, Vote, VoteVerdict
from jitney.core.access.new_grant import open_call_grant, open_grant
from jitney.core.access.rejections import RepeatedRequest
from jitney.core.access.request import Permission, RequestedAccess, Way
from jitney.core.access.reviewed_call import ReviewedCall, call_id_of, grant_id_of
from jitney.core.access.stored_state import with_derived_state
from jitney.core.identity.principal import Principal
from jitney.core.problems import Problem
from jitney.core.review.pending import request_hash
from jitney.core.review.votes import activated
from jitney.core.target_config import Target
from tests.fakes import CALL, GRANT, NOW
from tests.identities import identity

DELETE = (Permission(("s3:DeleteObject",), ("arn:aws:s3:::reports/2026/11.csv",)),)
PARENT = replace(GRANT, id=CALL.grant_id, way=Way.GATEWAY, reveal=True, records=4, chain_head="x", ends_by=NOW + 900)
PARENT = replace(PARENT, ticket="OPS-1", bound_address="192.0.2.9")
WHO = Principal(
    issuer=GRANT.issuer,
    issuer_name=GRANT.issuer_name,
    subject=GRANT.subject,
    kind="agent",
    groups=frozenset({"b", "a"}),
    display=GRANT.subject,
    source_identity=GRANT.principal,
    unit=GRANT.unit,
    human=None,
    agent_owners=(identity("corp.olga"),),
    tags=(("level", 4),),
)
REVIEW = Decision(Effect.REVIEW, (), DELETE, "v2", "table", reviews=(frozenset({"owners"}),))
CHILD_ID = "g-dddddddddddddd"


def child_of(parent: Grant = PARENT, review_ends: int = NOW + 7200, call: ReviewedCall = CALL) -> Grant:
    return open_call_grant(CHILD_ID, WHO, parent, call, REVIEW, review_ends, NOW + 60)


SAME = {"issuer", "issuer_name", "subject", "principal", "unit", "human", "target", "account", "region", "role_arn"}
SAME |= {"duration_seconds", "reason", "ticket", "access_profile", "way", "reveal", "bound_address"}
NEW = {"id", "state", "permissions", "created_at", "starts_at", "expires_at", "policy_version", "reviews", "records"}
NEW |= {"chain_head", "groups", "agent_owners", "ends_by", "facts", "tags", "call"}


def test_rev_16_the_grant_of_a_call_has_what_its_grant_has_but_for_the_call():
    child = child_of()
    assert (child.state, child.permissions, child.call) == (State.PENDING, DELETE, CALL)
    assert (child.reviews, child.policy_version) == ((("owners",),), "v2")
    assert (child.groups, child.tags, child.agent_owners) == (("a", "b"), WHO.tags, WHO.agent_owners)
    for name in SAME:
        assert getattr(child, name) == getattr(PARENT, name)


def test_rev_16_nothing_that_happened_to_the_grant_comes_to_its_calls():
    """Each member is one of the new grant's, or listed above. A new member has to be decided about."""
    vote = Vote(identity("corp.alice"), VoteVerdict.APPROVE, "x", "", NOW, "web")
    happened = {"approvals": ("owners",), "votes": (vote,), "review_restarted_at": NOW, "narrowed_at": NOW}
    happened |= {"cut_off_at": NOW, "unissued": True, "used_at": NOW, "ending": GrantEnd(NOW, "corp.olga", "")}
    happened |= {"break_glass": BreakGlassUse(vote.human, "down", "x", NOW, NOW + 60)}
    happened |= {"follow_up": FollowUp(vote.human, FollowUpVerdict.CONFIRM, "", NOW)}
    happened |= {"repeated": RepeatedRequest("a ticket", "g-x", "corp.olga", NOW, "no")}
    happened |= {"requested": RequestedAccess(GRANT.permissions, 3600)}
    happened |= {"counts_again": True, "this_time_only": True}
    happened |= {"earlier_approvals": (EarlierApproval("g-x", ("owners",), NOW),)}
    assert happened.keys() == {each.name for each in fields(Grant)} - SAME - NEW
    assert child_of(replace(PARENT, **happened)) == child_of()
    assert (child_of().records, child_of().chain_head) == (0, "")


@pytest.mark.parametrize(("review_seconds", "ends"), [(100, NOW + 100), (7200, PARENT.expires_at)])
def test_rev_16_the_review_of_a_call_ends_with_its_grant(review_seconds: int, ends: int):
    child = child_of(review_ends=NOW + review_seconds)
    assert child.expires_at == ends
    assert activated(child, NOW + 90).expires_at == PARENT.expires_at


def test_rev_16_the_grant_ends_before_its_token_even_if_its_own_end_was_later():
    assert child_of(replace(PARENT, expires_at=NOW + 2000)).ends_by == NOW + 900


@pytest.mark.parametrize("effect", [Effect.ALLOW, Effect.DENY])
def test_rev_16_only_a_review_opens_the_grant_of_a_call(effect: Effect):
    with pytest.raises(ValueError, match="needs a review"):
        open_call_grant(CHILD_ID, WHO, PARENT, CALL, replace(REVIEW, effect=effect), NOW + 100, NOW)


def test_a_denied_request_opens_no_grant():
    target = Target("analytics-prod", "444455556666", GRANT.role_arn, "external", "eu-west-1", 3600, {})
    with pytest.raises(ValueError, match="opens no grant"):
        open_grant(CHILD_ID, WHO, GRANT.as_request(), target, replace(REVIEW, effect=Effect.DENY), NOW + 100, NOW)


def test_rev_16_the_id_of_a_call_leads_to_its_grant():
    assert call_id_of(CHILD_ID) == "c-dddddddddddddd"
    assert grant_id_of(call_id_of(CHILD_ID)) == CHILD_ID


ACTIVE = activated(child_of(), NOW + 90)


def test_rev_16_an_approved_call_is_used_once():
    used = ACTIVE.use(NOW + 100)
    assert (used.state, used.used_at) == (State.USED, NOW + 100)
    with pytest.raises(ValueError, match="cannot go"):
        used.use(NOW + 101)
    with pytest.raises(Problem) as raised:
        require_active_grant(used, NOW + 101)
    assert raised.value.code == "grant_ended"
    assert used.end(State.REVOKED, GrantEnd(NOW + 102, "corp.olga", "leaked")) is used


@pytest.mark.parametrize("grant", [child_of(), GRANT, replace(ACTIVE, state=State.REVOKED)])
def test_rev_16_nothing_but_an_approved_call_can_be_used(grant: Grant):
    with pytest.raises(ValueError, match=r"cannot go|only the grant of one call"):
        grant.use(NOW + 100)


def test_rev_16_a_stored_state_does_not_undo_a_use():
    used = ACTIVE.use(NOW + 100)
    for said in State:
        assert with_derived_state(replace(used, state=said)).state is State.USED
    assert with_derived_state(replace(ACTIVE, state=State.USED)).state is State.FAILED


def test_rev_16_the_grant_of_a_call_has_no_credentials_of_its_own():
    assert not ACTIVE.may_have_credentials(NOW + 91)
    assert replace(ACTIVE, call=None).may_have_credentials(NOW + 91)


@pytest.mark.parametrize("grant", [child_of(), ACTIVE, ACTIVE.use(NOW + 100)])
def test_rev_16_the_grant_of_a_call_comes_back_from_the_store_as_it_was(grant: Grant):
    assert grant_of(item_of(grant)) == grant


def test_rev_16_a_use_writes_its_own_attribute_and_no_terms():
    update = grant_update("state", ACTIVE, replace(ACTIVE.use(NOW + 100), records=1))
    assert {name.strip(":") for name in update["ExpressionAttributeValues"]} == {
        "had",
        "lifecycle",
        "records",
        "call_sent",
    }
    assert update["ConditionExpression"] == "records = :had"


def test_rev_16_the_api_shows_the_call_with_its_parameters():
    shown = ACTIVE.use(NOW + 100).view()
    assert shown["call"]["id"] == "c-dddddddddddddd"
    assert shown["call"]["grant"] == CALL.grant_id
    assert shown["call"]["parameters"] == json.loads(CALL.parameters)
    assert shown["used_at"] == "2026-11-24T12:01:40Z"
    assert (GRANT.view()["call"], GRANT.view()["used_at"]) == (None, None)


def test_rev_16_equal_calls_are_reviewed_apart():
    other = replace(child_of(), id="g-eeeeeeeeeeeeee")
    assert request_hash(child_of()) != request_hash(other)
    assert request_hash(GRANT) == request_hash(replace(GRANT, id="g-eeeeeeeeeeeeee"))


def test_rev_16_masks_do_not_make_another_call():
    assert CALL._replace(parameters="{}").identity == CALL.identity
    for name in ("grant_id", "service", "operation", "region", "parameters_mac", "mac_key"):
        assert CALL._replace(**{name: "other"}).identity != CALL.identity
