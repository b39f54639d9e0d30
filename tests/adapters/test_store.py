from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import Mock

import boto3
import pytest
from moto import mock_aws

from jitney.adapters.deny_list import LEASE_SECONDS, DenyList, WriteLease, deny_entry_update
from jitney.adapters.store import PAGE_SIZE, Conflict, StaleWrite, Store
from jitney.core import audit
from jitney.core.access.deny_document import CutOffs, DenyEntry, deny_entry
from jitney.core.access.grant import Grant, GrantEnd, State
from jitney.core.access.other_grants import OtherGrant, OtherGrants, OtherGrantsUpdate
from jitney.core.audit import AuditEvent, ChainedRecord, Origin, Outcome
from jitney.core.problems import Problem
from jitney.core.review.pending import PendingReviewsUpdate
from jitney.core.review.votes import activated
from jitney.core.single_use import Quota, SingleUseKey
from tests.fakes import GRANT, NOW, PENDING

KEYS = {"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]}
INDEX = {
    "IndexName": "by_principal",
    "KeySchema": [{"AttributeName": "gsi_pk", "KeyType": "HASH"}, {"AttributeName": "gsi_sk", "KeyType": "RANGE"}],
    "Projection": {"ProjectionType": "ALL"},
}
OPEN_INDEX = {
    "IndexName": "open_by_role",
    "KeySchema": [
        {"AttributeName": "open_role", "KeyType": "HASH"},
        {"AttributeName": "open_until", "KeyType": "RANGE"},
    ],
    "Projection": {"ProjectionType": "ALL"},
}
INDEXED = ("pk", "sk", "gsi_pk", "gsi_sk", "open_role", "open_until")


@pytest.fixture
def client() -> Iterator[object]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
        for table, names, more in (
            ("state", INDEXED, {"GlobalSecondaryIndexes": [INDEX, OPEN_INDEX]}),
            ("audit", ("pk", "sk"), {}),
        ):
            client.create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
                BillingMode="PAY_PER_REQUEST",
                **KEYS,
                **more,
            )
        yield client


@pytest.fixture
def store(client) -> Store:
    return Store(client, "state", "audit")


def first_link(grant: Grant) -> ChainedRecord:
    return audit.next_chained_record(
        audit.grant_record(AuditEvent.REQUEST, Outcome.ALLOWED, grant, Origin(), NOW), grant
    )


def opened(store: Store, grant: Grant = GRANT, *onces: SingleUseKey) -> Grant:
    link = first_link(grant)
    grant = audit.with_chain_head(grant, link)
    store.open(grant, link, onces, now=NOW)
    return grant


def records(client) -> list[str]:
    return [item["record"]["S"] for item in client.scan(TableName="audit")["Items"]]


def test_a_grant_comes_back_as_it_was_written(store: Store):
    for grant in (GRANT, replace(PENDING, human="corp.alice", approvals=("owners",))):
        written = opened(store, grant)
        assert store.grant(grant.id) == written


def test_an_unknown_grant_is_none(store: Store):
    assert store.grant("g-zzzzzzzzzzzzzz") is None


def test_aud_01_no_grant_without_its_record(store: Store, client):
    opened(store)
    assert records(client) == [first_link(GRANT).text]


def test_a_once_key_that_was_taken_stops_everything_else(store: Store, client):
    once = SingleUseKey("IDEMPOTENCY#a", NOW + 60, "held")
    opened(store, GRANT, once)
    with pytest.raises(Conflict) as raised:
        opened(store, PENDING, once)
    assert raised.value.key == once.key
    assert store.grant(PENDING.id) is None
    assert len(records(client)) == 1
    assert store.held(once.key) == "held"


def test_an_expired_once_key_may_be_taken_again(store: Store):
    opened(store, GRANT, SingleUseKey("REPLAY#a", NOW))
    opened(store, PENDING, SingleUseKey("REPLAY#a", NOW + 60))


def test_a_change_and_its_record_are_written_together(store: Store, client):
    grant = opened(store)
    link = audit.next_chained_record(
        audit.grant_record(AuditEvent.EXPIRY, Outcome.EXPIRED, grant, Origin(), NOW), grant
    )
    after = audit.with_chain_head(grant.move(State.EXPIRED), link)
    store.save(grant, after, link, now=NOW)
    assert store.grant(grant.id) == after
    assert len(records(client)) == 2


def test_of_two_changes_at_once_one_is_refused_and_leaves_nothing(store: Store, client):
    grant = opened(store)
    for state, allowed in ((State.RELEASED, True), (State.REVOKED, False)):
        link = audit.next_chained_record(
            audit.grant_record(AuditEvent.ISSUE, Outcome.ALLOWED, grant, Origin(), NOW), grant
        )
        after = audit.with_chain_head(
            grant.end(state, GrantEnd(NOW, "corp.alice", "why" if state is State.REVOKED else "")), link
        )
        if allowed:
            store.save(grant, after, link, now=NOW)
        else:
            with pytest.raises(StaleWrite):
                store.save(grant, after, link, now=NOW)
    assert len(records(client)) == 2
    current = store.grant(grant.id)
    assert current
    assert current.state is State.RELEASED


def test_pol_09_a_quota_ends(store: Store, client):
    quota = Quota("PREVIEWS#a", 2, NOW + 60)
    for number in range(3):
        link = audit.chain_record(audit.AuditRecord(NOW, AuditEvent.PREVIEW, Outcome.ALLOWED), f"r-{number}")
        if number < quota.most:
            store.record(link, [quota], now=NOW)
        else:
            with pytest.raises(Conflict):
                store.record(link, [quota], now=NOW)
    assert len(records(client)) == quota.most


def test_a_principals_grants_come_in_pages_newest_first(store: Store):
    for number in range(PAGE_SIZE + 3):
        opened(store, replace(GRANT, id=f"g-{number:014d}".translate(str.maketrans("0189", "abcd")), created_at=number))
    opened(store, replace(GRANT, id="g-zzzzzzzzzzzzzz", principal="local.other"))
    page, after = store.grants_of(GRANT.owner_key)
    rest, end = store.grants_of(GRANT.owner_key, after)
    created = [grant.created_at for grant in [*page, *rest]]
    assert created == sorted(range(PAGE_SIZE + 3), reverse=True)
    assert (len(page), end) == (PAGE_SIZE, "")


def test_id_10_the_grants_for_one_human_are_not_listed_for_another(store: Store):
    opened(store, replace(GRANT, human="corp.alice"))
    assert [grant.human for grant in store.grants_of(f"{GRANT.principal}#corp.alice")[0]] == ["corp.alice"]
    assert store.grants_of(f"{GRANT.principal}#corp.bob")[0] == []
    assert store.grants_of(GRANT.owner_key)[0] == []


def test_keys_can_be_taken_before_anything_is_done(store: Store):
    quota = Quota("PREVIEWS#a", 1, NOW + 60)
    store.take([quota], now=NOW)
    with pytest.raises(Conflict) as raised:
        store.take([quota], now=NOW)
    assert raised.value.key == quota.key


def test_a_cursor_shows_nobody_elses_grants(store: Store):
    opened(store, replace(GRANT, principal="local.other"))
    mine, _ = store.grants_of(GRANT.owner_key, f"{NOW + 1:012d}#{GRANT.id}")
    assert mine == []


def test_pol_08_an_unreachable_table_is_a_problem_not_an_answer(client):
    store = Store(client, "missing", "missing")
    for call in (
        lambda: store.grant("g-x"),
        lambda: store.grants_of("a"),
        lambda: store.held("k"),
        lambda: opened(store),
    ):
        with pytest.raises(Problem) as raised:
            call()
        assert raised.value.code == "unavailable"


def ended(grant: Grant, now: int = NOW) -> tuple[Grant, ChainedRecord]:
    after = grant.end(State.RELEASED, GrantEnd(now, grant.principal, ""))
    link = audit.next_chained_record(
        audit.grant_record(AuditEvent.RELEASE, Outcome.RELEASED, after, Origin(), now), grant
    )
    return audit.with_chain_head(after, link), link


def test_end_03_an_end_its_record_and_its_denial_are_written_together(store: Store, client):
    grant = opened(store)
    after, link = ended(grant)
    store.save(grant, after, link, denial=deny_entry(after, NOW), now=NOW)
    assert store.grant(grant.id) == after
    assert DenyList(client, "state").deny_entries(grant.role_arn) == [deny_entry(after, NOW)]
    with pytest.raises(StaleWrite):  # a second end leaves no second denial
        store.save(grant, after, link, denial=replace(deny_entry(after, NOW), until=1), now=NOW)
    assert DenyList(client, "state").deny_entries(grant.role_arn) == [deny_entry(after, NOW)]
    assert len(records(client)) == 2


def test_end_04_grants_without_an_end_on_record_are_found_by_their_role(store: Store):
    grant, later = opened(store), opened(store, PENDING)
    opened(store, replace(GRANT, id="g-zzzzzzzzzzzzzz", role_arn="arn:aws:iam::1:role/other"))
    assert list(store.open_grants(GRANT.role_arn, GRANT.expires_at - 1)) == []
    assert list(store.open_grants(GRANT.role_arn, PENDING.expires_at)) == [grant, later]
    after, link = ended(grant)
    store.save(grant, after, link, now=NOW)
    assert list(store.open_grants(GRANT.role_arn, PENDING.expires_at)) == [later]


def test_rev_12_what_waits_is_found_apart_from_what_is_active_and_from_what_has_ended(store: Store):
    later = opened(store, replace(GRANT, id="g-cccccccccccccc", expires_at=NOW + 900))
    grant, waits = opened(store), opened(store, PENDING)
    assert list(store.grants_in_state(GRANT.role_arn, State.PENDING, NOW)) == [waits]
    assert list(store.grants_in_state(GRANT.role_arn, State.ACTIVE, NOW)) == [grant, later]
    assert list(store.grants_in_state(GRANT.role_arn, State.ACTIVE, GRANT.expires_at - 1)) == [grant, later]
    assert list(store.grants_in_state(GRANT.role_arn, State.ACTIVE, GRANT.expires_at)) == [later]
    assert list(store.open_grants(GRANT.role_arn, PENDING.expires_at)) == [grant, later, waits]


def test_rev_12_what_is_approved_is_found_with_what_is_active(store: Store):
    waits = opened(store, PENDING)
    after = replace(activated(waits, NOW), records=2)
    store.save(
        waits,
        after,
        audit.next_chained_record(audit.grant_record(AuditEvent.VOTE, Outcome.APPROVED, after, Origin(), NOW), waits),
        now=NOW,
    )
    assert list(store.grants_in_state(GRANT.role_arn, State.PENDING, NOW)) == []
    assert [each.id for each in store.grants_in_state(GRANT.role_arn, State.ACTIVE, NOW)] == [waits.id]


def test_end_03_one_writer_at_a_time_has_the_turn(client):
    turns = DenyList(client, "state")
    assert turns.turn("role") == WriteLease()
    first = turns.begin("role", NOW)
    assert first
    assert turns.begin("role", NOW + LEASE_SECONDS) is None
    second = turns.begin("role", NOW + LEASE_SECONDS + 1)
    assert second
    assert (first.began, second.began) == (1, 2)
    assert not turns.finish("role", first, "late")
    assert turns.finish("role", second, "digest")
    assert turns.turn("role") == WriteLease(began=2, done=2, written="digest")
    third = turns.begin("role", NOW)
    assert third
    turns.abandon("role", third)
    assert turns.turn("role") == WriteLease(began=3, done=2, written="digest")
    assert turns.begin("role", NOW)


def test_end_02_a_cut_off_and_its_record_are_written_together_and_only_in_ones_turn(store: Store, client):
    turns = DenyList(client, "state")
    first, link = turns.begin("role", NOW), first_link(GRANT)
    assert first
    cut_offs = CutOffs(None, {"local.agent": NOW + 60})
    store.cut_off("role", first, cut_offs, link, now=NOW)
    assert turns.turn("role").cut_offs == cut_offs
    second = turns.begin("role", NOW + LEASE_SECONDS + 1)
    assert second
    with pytest.raises(StaleWrite):
        store.cut_off("role", first, CutOffs(NOW + 90), replace(link, seq=1), now=NOW)
    assert (turns.turn("role").cut_offs, len(records(client))) == (cut_offs, 1)
    store.cut_off("role", second, CutOffs(NOW + 90), replace(link, seq=1), now=NOW)
    assert turns.turn("role").cut_offs == CutOffs(NOW + 90)


def test_end_04_the_roles_that_targets_had_are_known(client):
    turns = DenyList(client, "state")
    assert turns.roles({"one", "two"}) == {"one", "two"}
    assert turns.roles({"two", "three"}) == {"one", "two", "three"}


def test_end_02_long_lists_are_read_to_their_end(client):
    role = "role"
    padding = {"padding": {"S": "x" * 200_000}}  # a page of DynamoDB is a megabyte
    for number in range(12):
        key = {"pk": {"S": f"ROLE#{role}"}, "sk": {"S": f"DENY#g-{number:03}"}}
        client.put_item(TableName="state", Item=key | padding)
        client.update_item(
            TableName="state", **deny_entry_update(role, DenyEntry(f"g-{number:03}", NOW, NOW, "local.agent"))
        )
    assert len(DenyList(client, "state").deny_entries(role)) == 12


def change_of(before: OtherGrants, grant: Grant, now: int = NOW) -> OtherGrantsUpdate:
    entry = OtherGrant(grant.id, grant.owner_key, grant.account, grant.expires_at, ("iam:PassRole",))
    return OtherGrantsUpdate(before, before.with_grant(entry, now))


def opened_entering(store: Store, number: int, *before: OtherGrants) -> None:
    grant = replace(GRANT, id=f"g-{number}")
    store.open(grant, first_link(grant), holdings=[change_of(each, grant) for each in before], now=NOW)


def test_pol_05_a_grant_is_written_with_its_entry_or_not_at_all(store: Store, client):
    none = store.holdings("corp.agent")
    assert none == OtherGrants("corp.agent")
    opened_entering(store, 1, none, store.holdings("corp.alice"))
    held = store.holdings("corp.agent")
    assert (held.version, [entry.grant_id for entry in held.entries]) == ("g-1", ["g-1"])
    assert store.holdings("corp.alice").entries == held.entries
    for stale in (none, held._replace(version="g-0")):
        with pytest.raises(StaleWrite):
            opened_entering(store, 2, stale)
    assert store.grant("g-2") is None
    assert store.holdings("corp.agent") == held
    opened_entering(store, 2, held)
    assert [entry.grant_id for entry in store.holdings("corp.agent").entries] == ["g-1", "g-2"]


def test_pol_05_either_entry_that_is_stale_stops_the_grant(store: Store):
    agent, human = store.holdings("corp.agent"), store.holdings("corp.alice")
    opened_entering(store, 1, store.holdings("corp.alice"))
    with pytest.raises(StaleWrite):
        opened_entering(store, 2, agent, human)
    assert (store.grant("g-2"), store.holdings("corp.agent")) == (None, agent)


def test_pol_05_an_item_that_was_deleted_and_came_again_is_not_the_one_that_was_read(store: Store, client):
    opened_entering(store, 1, store.holdings("corp.agent"))
    read = store.holdings("corp.agent")
    client.delete_item(TableName="state", Key={"pk": {"S": "ACTIVE_GRANTS#corp.agent"}, "sk": {"S": "ACTIVE_GRANTS"}})
    with pytest.raises(StaleWrite):
        opened_entering(store, 2, read)
    opened_entering(store, 3, store.holdings("corp.agent"))
    with pytest.raises(StaleWrite):
        opened_entering(store, 4, read)


def test_a_once_key_that_was_taken_comes_before_holdings_that_have_changed(store: Store):
    once = SingleUseKey("IDEMPOTENCY#a", NOW + 60)
    store.take([once], now=NOW)
    stale = change_of(OtherGrants("corp.agent", "g-0"), GRANT)
    with pytest.raises(Conflict) as raised:
        store.open(GRANT, first_link(GRANT), [once], holdings=[stale], now=NOW)
    assert raised.value.key == once.key


@pytest.mark.parametrize(("place", "raised"), [(2, StaleWrite), (0, Problem)])
def test_pol_05_holdings_that_another_transaction_is_writing_are_read_again(client, place: int, raised: type):
    reasons = [{"Code": "None"}] * 3
    reasons[place] = {"Code": "TransactionConflict"}
    cancelled = client.exceptions.TransactionCanceledException(
        {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}, "TransactWriteItems"
    )
    busy = SimpleNamespace(exceptions=client.exceptions, transact_write_items=Mock(side_effect=cancelled))
    with pytest.raises(raised):
        opened_entering(Store(busy, "state", "audit"), 1, OtherGrants("corp.agent"))


class TestPending:
    def test_rev_12_a_grant_is_entered_with_it_or_neither_is_written(self, store: Store):
        first, second = (replace(PENDING, id=f"g-{name}", reason=name) for name in "ab")
        read = store.pending(PENDING.owner_key)
        assert read.entries == ()
        store.open(first, first_link(first), entering=PendingReviewsUpdate(read, read.with_grant(first)), now=NOW)
        with pytest.raises(StaleWrite):
            store.open(
                second, first_link(second), entering=PendingReviewsUpdate(read, read.with_grant(second)), now=NOW
            )
        assert store.grant(second.id) is None
        kept = store.pending(PENDING.owner_key)
        store.open(second, first_link(second), entering=PendingReviewsUpdate(kept, kept.with_grant(second)), now=NOW)
        third = replace(PENDING, id="g-c", reason="c")
        with pytest.raises(StaleWrite):
            store.open(third, first_link(third), entering=PendingReviewsUpdate(kept, kept.with_grant(third)), now=NOW)
        both = store.pending(PENDING.owner_key)
        assert [each.grant_id for each in both.entries] == [first.id, second.id]
        assert (both.equal_to(first), both.equal_to(PENDING)) == ((first.id,), ())

    def test_rev_12_what_is_over_does_not_count(self, store: Store):
        read = store.pending(PENDING.owner_key).with_grant(PENDING)
        assert read.at(PENDING.expires_at - 1).entries
        assert not read.at(PENDING.expires_at).entries
        assert not read.without({PENDING.id}).entries
