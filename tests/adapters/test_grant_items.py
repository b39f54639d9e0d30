"""A grant as an item: it comes back as it was, and a change names only the attributes that it changes."""

import json
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from benchmarks.dynamodb_units import item_bytes
from jitney.adapters.grant_items import UnreadableGrant, grant_key, grant_of, grant_update, item_of, text_of
from jitney.adapters.unreadable_grants import readable_grants
from jitney.core.access.break_glass import BreakGlassUse, FollowUp, FollowUpVerdict
from jitney.core.access.grant import Grant, GrantEnd, State, Vote, VoteVerdict
from jitney.core.access.request import Way
from jitney.core.delegation import Delegation
from jitney.core.review.votes import activated
from tests.fakes import GRANT, NOW, PENDING
from tests.identities import identity

YES = Vote(identity("corp.alice"), VoteVerdict.APPROVE, "content", "fine", NOW, "web")
NO = replace(YES, verdict=VoteVerdict.REJECT)
RELEASED, REVOKED = GrantEnd(NOW, "corp.agent", ""), GrantEnd(NOW, "corp.olga", "leaked", 900)
GLASS = BreakGlassUse(identity("corp.gina"), "down", "content", NOW, NOW + 3600, (identity("corp.olga"),))
SAID = FollowUp(identity("corp.alice"), FollowUpVerdict.OBJECT, "no outage", NOW + 60)
VOTED = replace(PENDING, votes=(YES,), approvals=("owners",))
ACTIVE = activated(VOTED, NOW + 60)
GRANTS = {
    "active": GRANT,
    "pending": PENDING,
    "for a human": replace(PENDING, human=identity("corp.alice"), groups=("a", "b"), reviews=(("x", "y"), ("z",))),
    "of an owned agent": replace(PENDING, agent_owners=(identity("corp.alice"), identity("corp.bob"))),
    "with claims": replace(PENDING, tags=(("event", "push"), ("level", 4), ("ok", True), ("roles", ("a", "b")))),
    "approved": ACTIVE,
    "approved by a delegate": replace(
        VOTED, votes=(replace(YES, delegations=(Delegation("owners", identity("corp.bob"), "a-1", NOW, NOW + 9),)),)
    ),
    "approved, and it was noted for what": replace(VOTED, votes=(replace(YES, groups=("owners",)),)),
    "taken": replace(ACTIVE, votes=(), break_glass=GLASS),
    "taken and looked at": replace(ACTIVE, break_glass=GLASS, follow_up=SAID),
    "rejected": replace(PENDING, votes=(NO,), state=State.REJECTED),
    "released": replace(GRANT, state=State.RELEASED, ending=RELEASED),
    "revoked": replace(GRANT, state=State.REVOKED, ending=REVOKED),
    "failed": replace(PENDING, state=State.FAILED, records=7, chain_head="x"),
    "expired": replace(GRANT, state=State.EXPIRED, cut_off_at=NOW),
}


@pytest.mark.parametrize("grant", GRANTS.values(), ids=GRANTS)
def test_a_grant_comes_back_as_it_was(grant: Grant):
    assert grant_of(item_of(grant)) == grant


@pytest.mark.parametrize("grant", GRANTS.values(), ids=GRANTS)
def test_ops_02_a_grant_in_the_first_form_can_be_read(grant: Grant):
    """Its terms are uncompressed, and have the defaults, except for members that came later."""
    item = item_of(grant)
    defaults = {"votes": [], "groups": [], "break_glass": None, "way": "credentials", "call": None, "bound_address": ""}
    terms = {"S": json.dumps(defaults | json.loads(text_of(item, "terms")))}
    assert grant_of(item | {"terms": terms, "version": {"N": "1"}}) == grant


def test_ops_03_a_grant_is_written_with_one_kb():
    request = {
        "reason": "monthly report for the board: the sum of all invoices by region",
        "human": identity("corp.alice"),
    }
    claims = {"tags": (("event", "push"), ("level", 4)), "groups": ("data-readers", "engineering")}
    grant = replace(GRANT, chain_head="ab" * 32, policy_version="3f1c9b1e7a394b6a", **request, **claims)
    assert item_bytes(item_of(grant)) <= 1024


def test_ops_02_terms_that_cannot_be_decompressed_are_unreadable():
    whole = item_of(GRANT)["terms"]["B"]
    for broken in (b"", b"no terms", whole[:-1], whole + b"x"):
        with pytest.raises(UnreadableGrant):
            grant_of(item_of(GRANT) | {"terms": {"B": broken}})


# What happens to a grant, and the attributes that are written: those of `life` and `records` always.
CLOSED = {"open_role", "open_until"}
OPENED = CLOSED | {"terms", "expires", "unissued"}  # what is active is found apart from what waits
CHANGES = {
    "a record": (GRANT, GRANT, set()),
    "a cut-off": (GRANT, replace(GRANT, cut_off_at=NOW), set()),
    "a failure": (GRANT, GRANT.move(State.FAILED), CLOSED),
    "an expiry": (PENDING, PENDING.move(State.EXPIRED), CLOSED),
    "a release": (GRANT, GRANT.end(State.RELEASED, RELEASED), CLOSED | {"ending"}),
    "a release under review": (PENDING, PENDING.end(State.RELEASED, RELEASED), CLOSED | {"ending"}),
    "a revocation": (
        GRANT,
        GRANT.end(State.REVOKED, replace(REVOKED, denied_after_milliseconds=None)),
        CLOSED | {"ending"},
    ),
    "the time to deny": (
        GRANT.end(State.REVOKED, replace(REVOKED, denied_after_milliseconds=None)),
        GRANT.end(State.REVOKED, REVOKED),
        {"ending"},
    ),
    "a vote": (PENDING, VOTED, {"terms"}),
    "the vote that suffices": (VOTED, ACTIVE, OPENED),
    "a use of break-glass": (PENDING, activated(replace(PENDING, break_glass=GLASS), NOW), OPENED),
    "its first issue": (ACTIVE, replace(ACTIVE, unissued=False), {"unissued"}),
    "its follow-up review": (ACTIVE, replace(ACTIVE, follow_up=SAID), {"follow_up"}),
    "a rejection": (PENDING, replace(PENDING, votes=(NO,), state=State.REJECTED), CLOSED | {"terms"}),
}


@pytest.mark.parametrize(("before", "after", "names"), CHANGES.values(), ids=CHANGES)
def test_rev_03_a_change_names_only_what_it_changes(before: Grant, after: Grant, names: set[str]):
    update = grant_update("state", before, replace(after, records=before.records + 1, chain_head="next"))
    _, _, expression = update["UpdateExpression"].partition("SET ")
    sets, _, gone = expression.partition(" REMOVE ")
    named = {each.partition(" = ")[0] for each in sets.split(", ")} | set(filter(None, gone.split(", ")))
    assert named == names | {"lifecycle", "records"}
    assert (update["Key"], update["ConditionExpression"]) == (grant_key(before.id), "records = :had")


OTHER: dict[type, Callable[[Any], Any]] = {
    str: lambda text: f"{text}x",
    int: lambda number: number + 1,
    bool: lambda flag: not flag,
    tuple: lambda values: (*values, "x"),
    type(None): lambda _: identity("corp.zoe"),
    Way: lambda _: Way.GATEWAY,
    State: lambda _: State.EXPIRED,
}
APART = ("id", "ending", "follow_up")
"""The key, and what the changes above cover."""


@pytest.mark.parametrize("name", [each.name for each in fields(Grant) if each.name not in APART])
def test_rev_03_a_change_of_any_member_is_written(name: str):
    present = getattr(ACTIVE, name)
    after = replace(ACTIVE, **{name: OTHER[type(present)](present)})
    was, item, update = item_of(ACTIVE), item_of(after), grant_update("state", ACTIVE, after)
    changed = {f":{each}": item[each] for each in item if was.get(each) != item[each]}
    assert changed or was.keys() - item.keys()
    assert update["ExpressionAttributeValues"] == changed | {":had": was["records"]}


def test_what_has_no_terms_is_no_grant():
    """A role that may change items may create them too: DynamoDB's UpdateItem creates a missing item."""
    item: dict[str, Any] = item_of(GRANT)
    made = {name: value for name, value in item.items() if name != "terms"}
    assert (grant_of(made), grant_of(None)) == (None, None)
    assert readable_grants([made, item], dict) == [GRANT]


def test_rev_03_what_became_of_a_grant_says_nothing_of_its_terms():
    item = item_of(PENDING)
    forged = '{"state":"active","chain_head":"","cut_off_at":null,"approvals":["owners"],"starts_at":1,'
    forged += '"duration_seconds":9}'
    assert grant_of(item | {"lifecycle": {"S": forged}}) == PENDING
