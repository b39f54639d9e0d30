from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from moto import mock_aws

from jitney.adapters import past_verdicts
from jitney.adapters.deny_list import MOST_CLOCK_SKEW_SECONDS, DenyList, deny_entry_update
from jitney.adapters.grant_items import grant_key, item_of
from jitney.adapters.grant_lists import list_put
from jitney.adapters.past_verdicts import MOST_APPROVALS, put_rejection, rejections_query
from jitney.adapters.record_items import record_attribute, record_in
from jitney.adapters.store import PAGE_SIZE, Store
from jitney.adapters.table_reads import BATCH_SIZE
from jitney.adapters.transactions import Conflict, StaleWrite, TakenNumber
from jitney.core.access.cut_offs import CutOffs
from jitney.core.access.deny_document import DenyEntry
from jitney.core.access.document_times import IN_FORCE_SECONDS, DocumentTimes
from jitney.core.access.earlier_approvals import HISTORY_SECONDS, EarlierApproval
from jitney.core.access.grant import Grant, GrantEnd, State, Vote, VoteVerdict
from jitney.core.access.grant_list import GrantList, GrantListUpdate, ListedGrant
from jitney.core.access.live_credentials import denial_of
from jitney.core.access.rejections import REJECTION_SECONDS, Rejection, RepeatedRequest
from jitney.core.access.request import Permission, RequestedAccess
from jitney.core.access.write_lease import LEASE_SECONDS, WriteLease
from jitney.core.identity.principal import rejection_key
from jitney.core.problems import Problem
from jitney.core.quotas import Quota, SingleUseKey
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, ChainedRecord, Origin, Outcome
from jitney.core.records.chain_numbers import sort_key
from jitney.core.review.pending import equal_to, list_key, pending_review
from jitney.core.review.votes import activated
from jitney.core.stored_identity import identity_of
from jitney.handlers.runtime.edge import FAILURES
from tests.fakes import CALL, GRANT, NOW, PENDING
from tests.identities import identity
from tests.moto_clients import moto_client

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
        client = moto_client("dynamodb")
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
    store.create_grant(grant, link, onces, now=NOW)
    return grant


def approved_at(store: Store, grant: Grant, at: int) -> Grant:
    """Return a pending grant, written and then approved."""
    before = opened(store, grant)
    vote = Vote(identity("corp.bob"), VoteVerdict.APPROVE, "", "Yes.", at, "web")
    after = replace(activated(before, at), votes=(vote,))
    link = audit.next_chained_record(audit.grant_record(AuditEvent.VOTE, Outcome.APPROVED, after, Origin(), at), before)
    after = audit.with_chain_head(after, link)
    store.save(before, after, link, now=at)
    return after


def records(client) -> list[str]:
    return [record_in(item) for item in client.scan(TableName="audit")["Items"]]


def test_a_grant_comes_back_as_it_was_written(store: Store):
    for grant in (GRANT, replace(PENDING, human=identity("corp.alice"), approvals=("owners",))):
        written = opened(store, grant)
        assert store.grant(grant.id) == written


def test_pol_05_many_grants_are_read_in_batches_and_unknown_ones_are_missing(store: Store, client):
    written = [replace(GRANT, id=f"g-{number}") for number in range(BATCH_SIZE + 5)]
    for each in written:
        client.put_item(TableName="state", Item=item_of(each))
    calls: list[int] = []
    client.meta.events.register(
        "before-parameter-build.dynamodb.BatchGetItem",
        lambda params, **_: calls.append(len(params["RequestItems"]["state"]["Keys"])),
    )
    found = store.grants_by_id([*(each.id for each in written), written[0].id, "g-unknown"])
    assert found == {each.id: each for each in written}
    assert calls == [BATCH_SIZE, 6]
    assert store.grants_by_id([]) == {}


def test_pol_05_grants_that_dynamodb_left_out_are_read_again(store: Store, client, pauses: list[float]):
    first, second = opened(store), opened(store, PENDING)
    items = {each.id: {"Responses": {"state": [item_of(each)]}} for each in (first, second)}
    left = {"UnprocessedKeys": {"state": {"Keys": [grant_key(second.id)], "ConsistentRead": True}}}
    read = Mock(side_effect=[items[first.id] | left, {"Responses": {}} | left, items[second.id]])
    reading = Store(SimpleNamespace(batch_get_item=read), "state", "audit")
    assert reading.grants_by_id([first.id, second.id]) == {first.id: first, second.id: second}
    keys = [call.kwargs["RequestItems"]["state"] for call in read.call_args_list]
    assert [len(each["Keys"]) for each in keys] == [2, 1, 1]
    assert all(each["ConsistentRead"] for each in keys)
    assert pauses == [0.05, 0.1]


def test_pol_08_grants_that_dynamodb_always_leaves_out_are_a_problem(client):
    left = {"Responses": {}, "UnprocessedKeys": {"state": {"Keys": [grant_key(GRANT.id)]}}}
    reading = Store(SimpleNamespace(batch_get_item=Mock(return_value=left)), "state", "audit")
    with pytest.raises(Problem) as raised:
        reading.grants_by_id([GRANT.id])
    assert raised.value.code == "unavailable"


def test_an_unknown_grant_is_none(store: Store):
    assert store.grant("g-zzzzzzzzzzzzzz") is None


def test_aud_01_no_grant_without_its_record(store: Store, client):
    opened(store)
    assert records(client) == [first_link(GRANT).text]


def test_a_used_key_stops_the_whole_transaction(store: Store, client):
    once = SingleUseKey("IDEMPOTENCY#a", NOW + 60, "held")
    opened(store, GRANT, once)
    with pytest.raises(Conflict) as raised:
        opened(store, PENDING, once)
    assert raised.value.key == once.key
    assert store.grant(PENDING.id) is None
    assert len(records(client)) == 1
    assert store.idempotency_value(once.key, once.expires_at - 1) == "held"


def test_a_single_use_key_is_unknown_from_the_moment_when_it_may_be_used_again(store: Store):
    once = SingleUseKey("IDEMPOTENCY#a", NOW + 60, "held")
    opened(store, GRANT, once)
    assert store.idempotency_value(once.key, NOW + 60) is None
    store.consume([once], now=NOW + 60)


def test_an_expired_single_use_key_may_be_used_again(store: Store):
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


def test_of_two_simultaneous_changes_one_is_stale_and_writes_nothing(store: Store, client):
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
    assert store.newest_grant(GRANT.owner_key) == page[0]
    assert store.newest_grant(replace(GRANT, human=identity("corp.bob")).owner_key) is None
    assert (len(page), end) == (PAGE_SIZE, "")


def test_id_10_the_grants_for_one_human_are_not_listed_for_another(store: Store):
    alice, bob = (identity(f"corp.{name}") for name in ("alice", "bob"))
    opened(store, replace(GRANT, human=alice))
    assert [grant.human for grant in store.grants_of(replace(GRANT, human=alice).owner_key)[0]] == [alice]
    assert store.grants_of(replace(GRANT, human=bob).owner_key)[0] == []
    assert store.grants_of(replace(GRANT, human=identity_of("corp.alice", "https://other")).owner_key)[0] == []
    assert store.grants_of(GRANT.owner_key)[0] == []


def test_keys_can_be_used_before_anything_is_done(store: Store):
    quota = Quota("PREVIEWS#a", 1, NOW + 60)
    store.consume([quota], now=NOW)
    with pytest.raises(Conflict) as raised:
        store.consume([quota], now=NOW)
    assert raised.value.key == quota.key


def test_a_cursor_shows_no_other_owners_grants(store: Store):
    opened(store, replace(GRANT, principal="local.other"))
    mine, _ = store.grants_of(GRANT.owner_key, f"{NOW + 1:012d}#{GRANT.id}")
    assert mine == []


def test_pol_08_an_unreachable_table_is_a_problem_not_an_answer(client):
    store = Store(client, "missing", "missing")
    for call in (
        lambda: store.grant("g-x"),
        lambda: store.grants_of("a"),
        lambda: store.idempotency_value("k", NOW),
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


def test_end_03_an_end_its_record_and_its_deny_entry_are_written_together(store: Store, client):
    grant = opened(store)
    after, link = ended(grant)
    entry = denial_of(after)
    assert isinstance(entry, DenyEntry)
    store.save(grant, after, link, deny_entry=entry, now=NOW)
    assert store.grant(grant.id) == after
    assert DenyList(client, "state").deny_entries(grant.role_arn, NOW) == [entry]
    with pytest.raises(StaleWrite):  # a second end leaves no second denial
        store.save(grant, after, link, deny_entry=entry._replace(until=1), now=NOW)
    assert DenyList(client, "state").deny_entries(grant.role_arn, NOW) == [entry]
    assert len(records(client)) == 2


def test_aud_02_a_number_that_another_function_took_is_no_change_of_the_grant(store: Store, client):
    grant = opened(store)
    after, link = ended(grant)
    taken = {"pk": {"S": grant.id}, "sk": {"S": sort_key(link.seq)}} | record_attribute("{}")
    client.put_item(TableName="audit", Item=taken)
    with pytest.raises(TakenNumber):
        store.save(grant, after, link, now=NOW)
    assert store.grant(grant.id) == grant
    later = replace(link, seq=link.seq + 1)
    store.save(grant, audit.with_chain_head(after, later), later, now=NOW)
    with pytest.raises(StaleWrite) as stale:  # its number is taken, too, but by the same change
        store.save(grant, after, link, now=NOW)
    assert not isinstance(stale.value, TakenNumber)


def test_end_04_grants_without_an_end_on_record_are_found_by_their_role(store: Store):
    grant, later = opened(store), opened(store, PENDING)
    opened(store, replace(GRANT, id="g-zzzzzzzzzzzzzz", role_arn="arn:aws:iam::1:role/other"))
    assert list(store.open_grants(GRANT.role_arn, GRANT.expires_at - 1)) == []
    assert list(store.open_grants(GRANT.role_arn, PENDING.expires_at)) == [grant, later]
    after, link = ended(grant)
    store.save(grant, after, link, now=NOW)
    assert list(store.open_grants(GRANT.role_arn, PENDING.expires_at)) == [later]


@pytest.mark.parametrize("read", ["open_grants", "open_grant_ids"])
def test_end_06_a_grant_that_is_activated_between_two_queries_is_not_missed(store: Store, client, read: str):
    waits, query = opened(store, PENDING), client.query

    def then_activate(**request: Any) -> Any:
        answer = query(**request)
        if store.grant(waits.id) == waits:
            active = replace(waits, state=State.ACTIVE, starts_at=NOW)
            given = audit.grant_record(AuditEvent.VOTE, Outcome.APPROVED, active, Origin(), NOW)
            link = audit.next_chained_record(given, waits)
            store.save(waits, audit.with_chain_head(active, link), link, now=NOW)
        return answer

    client.query = then_activate
    if read == "open_grants":
        assert waits.id in {each.id for each in store.open_grants(GRANT.role_arn, PENDING.expires_at)}
    else:
        assert store.open_grant_ids(GRANT.role_arn, NOW, 9) == {waits.id}


SECOND = f"{GRANT.role_arn}.role2"


def test_end_06_grants_on_all_roles_of_a_target_are_found_by_any_of_them(store: Store, client):
    grant, other = opened(store), opened(store, replace(GRANT, id="g-cccccccccccccc", role_arn=SECOND))
    for role in (GRANT.role_arn, SECOND, f"{GRANT.role_arn}.role9"):
        assert list(store.open_grants(role, PENDING.expires_at)) == [grant, other]
        assert list(store.grants_in_state(role, State.ACTIVE, NOW)) == [grant, other]
    entry = denial_of(ended(other)[0])
    store.save(other, *ended(other), deny_entry=entry, now=NOW)
    deny_list = DenyList(client, "state")
    assert (deny_list.deny_entries(SECOND, NOW), deny_list.deny_entries(GRANT.role_arn, NOW)) == ([entry], [])


def test_end_06_the_open_grants_of_one_role_are_those_that_its_document_spares(store: Store, client):
    grant, other = opened(store), opened(store, replace(GRANT, id="g-cccccccccccccc", role_arn=SECOND))
    old = opened(store, replace(GRANT, id="g-dddddddddddddd"))
    client.update_item(TableName="state", Key=grant_key(old.id), UpdateExpression="REMOVE role_arn")
    assert store.open_grant_ids(GRANT.role_arn, NOW, 2) == {grant.id, old.id}
    assert store.open_grant_ids(GRANT.role_arn, NOW, 1) is None
    assert store.open_grant_ids(SECOND, NOW, 2) == {other.id, old.id}  # older than further roles: spared by all


def test_rev_12_pending_active_and_ended_grants_are_found_apart(store: Store):
    later = opened(store, replace(GRANT, id="g-cccccccccccccc", expires_at=NOW + 900))
    grant, waits = opened(store), opened(store, PENDING)
    assert list(store.grants_in_state(GRANT.role_arn, State.PENDING, NOW)) == [waits]
    assert list(store.grants_in_state(GRANT.role_arn, State.ACTIVE, NOW)) == [grant, later]
    assert list(store.grants_in_state(GRANT.role_arn, State.ACTIVE, GRANT.expires_at - 1)) == [grant, later]
    assert list(store.grants_in_state(GRANT.role_arn, State.ACTIVE, GRANT.expires_at)) == [later]
    assert list(store.open_grants(GRANT.role_arn, PENDING.expires_at)) == [grant, later, waits]


def test_rev_12_an_approved_grant_is_found_with_the_active_ones(store: Store):
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


def test_end_03_one_writer_at_a_time_holds_the_lease(client):
    leases = DenyList(client, "state")
    assert leases.lease("role") == WriteLease()
    first = leases.acquire("role", NOW)
    assert first
    assert leases.acquire("role", NOW + LEASE_SECONDS) is None
    second = leases.acquire("role", NOW + LEASE_SECONDS + 1)
    assert second
    assert (first.last_acquired, second.last_acquired) == (1, 2)
    assert not leases.complete("role", first, "late")
    assert leases.complete("role", second, "digest")
    times = DocumentTimes(NOW + LEASE_SECONDS + 1)
    written = WriteLease(2, 2, "digest", document_times=times, own_digests=("digest",))
    assert leases.lease("role") == written
    third = leases.acquire("role", NOW)
    assert third
    leases.abandon("role", third)
    assert leases.lease("role") == replace(written, last_acquired=3)
    assert leases.acquire("role", NOW)


def test_end_03_the_last_documents_are_known_also_one_that_was_announced_only(client):
    leases = DenyList(client, "state")
    for each in ("one", "two", "one", "three", "four", "five"):
        assert leases.complete("role", leases.acquire("role", NOW), each)
    announced = leases.acquire("role", NOW)
    assert announced
    assert leases.announce("role", announced, "six")
    found = leases.lease("role")
    assert (found.document_digest, found.own_digests) == ("five", ("six", "five", "four", "three"))
    assert [found.has_written(each) for each in ("six", "five", "three", "one")] == [True, True, True, False]
    overtaking = leases.acquire("role", NOW + LEASE_SECONDS + 1)
    assert overtaking
    assert not leases.announce("role", announced, "seven")
    assert leases.complete("role", overtaking, "six")
    assert leases.lease("role").own_digests == ("six", "five", "four", "three")


def test_end_06_the_times_of_documents_are_those_of_the_leases_whose_document_iam_has(client):
    leases = DenyList(client, "state")
    for later in (0, IN_FORCE_SECONDS - 1, IN_FORCE_SECONDS, IN_FORCE_SECONDS + 1):
        assert leases.complete("role", leases.acquire("role", NOW + later), "digest")
    leases.abandon("other", leases.acquire("other", NOW))
    lost = leases.acquire("role", NOW + 2 * IN_FORCE_SECONDS)
    leases.acquire("role", NOW + 2 * IN_FORCE_SECONDS + LEASE_SECONDS + 1)
    assert not leases.complete("role", lost, "late")
    found = leases.document_times(["role", "other", "unknown", "role"])
    assert found == {"role": DocumentTimes(NOW + IN_FORCE_SECONDS, NOW), "other": DocumentTimes()}


def test_end_03_a_lease_of_a_clock_that_is_a_day_ahead_blocks_no_writer(client):
    leases = DenyList(client, "state")
    ahead = leases.acquire("role", NOW + 86_400)
    assert ahead
    assert leases.acquire("role", NOW)
    assert not leases.complete("role", ahead, "late")
    skewed = leases.acquire("other", NOW + MOST_CLOCK_SKEW_SECONDS)
    assert skewed
    assert leases.acquire("other", NOW) is None


def test_end_03_a_lease_that_a_transaction_is_writing_is_not_acquired(client):
    busy = client.exceptions.TransactionConflictException(
        {"Error": {"Code": "TransactionConflictException"}}, "UpdateItem"
    )
    leases = DenyList(SimpleNamespace(exceptions=client.exceptions, update_item=Mock(side_effect=busy)), "state")
    assert leases.acquire("role", NOW) is None
    assert leases.complete("role", WriteLease(), "digest") is False


def test_end_02_a_cut_off_and_its_record_are_written_together_under_the_lease(store: Store, client):
    leases = DenyList(client, "state")
    first, link = leases.acquire("role", NOW), first_link(GRANT)
    assert first
    cut_offs = CutOffs(None, {"local.agent": NOW + 60})
    store.cut_off("role", first, cut_offs, link, now=NOW)
    assert leases.lease("role").cut_offs == cut_offs
    second = leases.acquire("role", NOW + LEASE_SECONDS + 1)
    assert second
    with pytest.raises(StaleWrite):
        store.cut_off("role", first, CutOffs(NOW + 90), replace(link, seq=1), now=NOW)
    assert (leases.lease("role").cut_offs, len(records(client))) == (cut_offs, 1)
    assert leases.lease("role").unknown_until == 0
    store.cut_off("role", replace(second, unknown_until=NOW + 690), CutOffs(NOW + 90), replace(link, seq=1), now=NOW)
    found = leases.lease("role")
    assert (found.cut_offs, found.unknown_until) == (CutOffs(NOW + 90), NOW + 690)


def test_end_04_the_roles_that_targets_had_are_known(client):
    leases = DenyList(client, "state")
    assert leases.seen_roles() == frozenset()
    assert leases.known_roles({"one", "two"}) == {"one", "two"}
    assert leases.known_roles({"two", "three"}) == {"one", "two", "three"}
    assert leases.seen_roles() == {"one", "two", "three"}


def test_end_02_long_lists_are_read_to_their_end(client):
    role = "role"
    padding = {"padding": {"S": "x" * 200_000}}  # a page of DynamoDB is a megabyte
    for number in range(12):
        update = deny_entry_update(role, DenyEntry(f"g-{number:03}", NOW, NOW + 1, "local.agent"))
        client.put_item(TableName="state", Item=update["Key"] | padding)
        client.update_item(TableName="state", **update)
    assert len(DenyList(client, "state").deny_entries(role, NOW)) == 12


def test_end_06_only_unexpired_entries_are_read(client):
    role, untils = "role", [NOW - 3600, NOW - 1, NOW, NOW + 1, NOW + 3600]
    entries = [DenyEntry(f"g-{until}", NOW - 9, until, "local.unit", until % 2 == 0) for until in untils]
    for each in entries:
        client.update_item(TableName="state", **deny_entry_update(role, each))
        client.update_item(TableName="state", **deny_entry_update("another", each._replace(grant_id="g-another")))
    assert DenyList(client, "state").acquire(role, NOW)  # the lease has the same partition key
    read = DenyList(client, "state").deny_entries
    assert [read(role, now) for now in (NOW, NOW + 1, NOW + 3600)] == [entries[3:], entries[4:], []]
    ids = DenyList(client, "state").denied_ids
    assert ids(role, NOW, 3) == [each.grant_id for each in entries[3:]]
    assert [ids(role, now, 2) for now in (NOW, NOW + 1, NOW + 3600)] == [None, [entries[4].grant_id], []]


AGENT, HUMAN = "ACTIVE_GRANTS#corp.agent", "ACTIVE_GRANTS#corp.alice"


def change_of(before: GrantList, grant: Grant) -> GrantListUpdate:
    entry = ListedGrant(grant.id, grant.owner_key, grant.unit_key, grant.expires_at, grant.account, ("iam:PassRole",))
    return GrantListUpdate(before, before.with_entry(entry))


def listed(store: Store, key: str) -> GrantList:
    return store.grant_lists([key])[key]


def opened_entering(store: Store, number: int, *before: GrantList) -> None:
    grant = replace(GRANT, id=f"g-{number}")
    store.create_grant(grant, first_link(grant), lists=[change_of(each, grant) for each in before], now=NOW)


def test_pol_05_a_grant_is_written_with_its_entry_or_not_at_all(store: Store, client):
    none = listed(store, AGENT)
    assert none == GrantList(AGENT)
    opened_entering(store, 1, none, listed(store, HUMAN))
    held = listed(store, AGENT)
    assert (held.version, [entry.grant_id for entry in held.entries]) == ("g-1", ["g-1"])
    assert listed(store, HUMAN).entries == held.entries
    for stale in (none, held._replace(version="g-0")):
        with pytest.raises(StaleWrite):
            opened_entering(store, 2, stale)
    assert store.grant("g-2") is None
    assert listed(store, AGENT) == held
    opened_entering(store, 2, held)
    assert [entry.grant_id for entry in listed(store, AGENT).entries] == ["g-1", "g-2"]


def test_pol_05_either_entry_that_is_stale_stops_the_grant(store: Store):
    agent, human = listed(store, AGENT), listed(store, HUMAN)
    opened_entering(store, 1, listed(store, HUMAN))
    with pytest.raises(StaleWrite):
        opened_entering(store, 2, agent, human)
    assert (store.grant("g-2"), listed(store, AGENT)) == (None, agent)


def test_pol_05_an_item_that_was_deleted_and_created_again_is_stale(store: Store, client):
    opened_entering(store, 1, listed(store, AGENT))
    read = listed(store, AGENT)
    client.delete_item(TableName="state", Key={"pk": {"S": "ACTIVE_GRANTS#corp.agent"}, "sk": {"S": "ACTIVE_GRANTS"}})
    with pytest.raises(StaleWrite):
        opened_entering(store, 2, read)
    opened_entering(store, 3, listed(store, AGENT))
    with pytest.raises(StaleWrite):
        opened_entering(store, 4, read)


def test_a_used_key_comes_before_a_stale_list(store: Store):
    once = SingleUseKey("IDEMPOTENCY#a", NOW + 60)
    store.consume([once], now=NOW)
    stale = change_of(GrantList(AGENT, "g-0"), GRANT)
    with pytest.raises(Conflict) as raised:
        store.create_grant(GRANT, first_link(GRANT), [once], lists=[stale], now=NOW)
    assert raised.value.key == once.key


def cancelled_by_another(client, place: int, code: str = "TransactionConflict") -> Exception:
    """What DynamoDB answers while another transaction writes the item at `place`, or while it throttles the item."""
    reasons = [{"Code": "None"}] * 3
    reasons[place] = {"Code": code}
    return client.exceptions.TransactionCanceledException(
        {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}, "TransactWriteItems"
    )


def store_answering(client, *answers: object) -> Store:
    """A store whose transactions have these answers, one after the other."""
    busy = SimpleNamespace(exceptions=client.exceptions, transact_write_items=Mock(side_effect=answers))
    return Store(busy, "state", "audit")


@pytest.mark.parametrize("place", [0, 1, 2])
def test_pol_05_an_item_that_another_transaction_is_writing_is_stale(client, place: int):
    with pytest.raises(StaleWrite):
        opened_entering(store_answering(client, cancelled_by_another(client, place)), 1, GrantList(AGENT))
    with pytest.raises(StaleWrite):
        store_answering(client, cancelled_by_another(client, place)).save(GRANT, GRANT, first_link(GRANT), now=NOW)


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_pol_08_a_throttled_transaction_is_repeated(client, code: str):
    throttled = cancelled_by_another(client, 0, code)
    store_answering(client, *[throttled] * 9, {}).record(first_link(GRANT), now=NOW)
    store_answering(client, *[throttled] * 9, {}).save(GRANT, GRANT, first_link(GRANT), now=NOW)
    with pytest.raises(Problem) as raised:
        store_answering(client, *[throttled] * 99).save(GRANT, GRANT, first_link(GRANT), now=NOW)
    assert raised.value.code == "unavailable"


@pytest.mark.parametrize(
    ("codes", "raised"),
    [
        (("ThrottlingError", "TransactionConflict"), StaleWrite),
        (("ThrottlingError", "ConditionalCheckFailed"), StaleWrite),
        (("ThrottlingError", "ItemCollectionSizeLimitExceeded"), Problem),
        ((), Problem),
    ],
)
def test_pol_08_a_transaction_is_not_repeated_for_another_reason(
    client, codes: tuple[str, ...], raised: type[Exception]
):
    reasons = [{"Code": code} for code in codes]
    cancelled = client.exceptions.TransactionCanceledException(
        {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons}, "TransactWriteItems"
    )
    with pytest.raises(raised):
        store_answering(client, cancelled).save(GRANT, GRANT, first_link(GRANT), now=NOW)


def test_a_write_that_depends_on_nothing_read_is_repeated_while_another_transaction_writes(client):
    busy = cancelled_by_another(client, 0)
    store_answering(client, *[busy] * 9, {}).consume([SingleUseKey("REPLAY#a", NOW + 60)], now=NOW)
    store_answering(client, busy, {}).record(first_link(GRANT), now=NOW)
    with pytest.raises(Problem) as raised:
        store_answering(client, *[busy] * 99).record(first_link(GRANT), now=NOW)
    # No failure of AWS: agents can cause it with many calls at once, and it must not stop a deployment (infra.canary).
    assert raised.value.code == "store_busy"
    assert raised.value.code not in FAILURES


@pytest.mark.parametrize("ends", [(60, 900), (900, 60)])
def test_pol_05_a_list_is_kept_until_the_last_of_its_grants_ends(ends: tuple[int, int]):
    first, second = (ListedGrant(f"g-{seconds}", "o", "u", NOW + seconds) for seconds in ends)
    before = GrantList(AGENT).with_entry(first)
    item = list_put("state", GrantListUpdate(before, before.with_entry(second)))["Put"]["Item"]
    assert item["expires"] == {"N": str(NOW + 900)}


def pending_update(before: GrantList, grant: Grant) -> GrantListUpdate:
    return GrantListUpdate(before, before.with_entry(pending_review(grant)))


class TestPending:
    def test_rev_12_a_grant_is_entered_with_it_or_neither_is_written(self, store: Store):
        first, second = (replace(PENDING, id=f"g-{name}", reason=name) for name in "ab")
        read = listed(store, list_key(PENDING.quota_key))
        assert read.entries == ()
        store.create_grant(first, first_link(first), lists=[pending_update(read, first)], now=NOW)
        with pytest.raises(StaleWrite):
            store.create_grant(second, first_link(second), lists=[pending_update(read, second)], now=NOW)
        assert store.grant(second.id) is None
        kept = listed(store, list_key(PENDING.quota_key))
        store.create_grant(second, first_link(second), lists=[pending_update(kept, second)], now=NOW)
        third = replace(PENDING, id="g-c", reason="c")
        with pytest.raises(StaleWrite):
            store.create_grant(third, first_link(third), lists=[pending_update(kept, third)], now=NOW)
        both = listed(store, list_key(PENDING.quota_key))
        assert [each.grant_id for each in both.entries] == [first.id, second.id]
        assert (equal_to(both, first), equal_to(both, PENDING)) == ((first.id,), ())

    def test_rev_12_what_is_over_does_not_count(self, store: Store):
        read = listed(store, list_key(PENDING.quota_key)).with_entry(pending_review(PENDING))
        assert read.at(PENDING.expires_at - 1).entries
        assert not read.at(PENDING.expires_at).entries
        assert not read.without({PENDING.id}).entries


def test_quotas_used_at_the_same_time_wait_longer_each_time_and_not_for_ever(client, pauses: list[float]):
    busy = cancelled_by_another(client, 0)
    with pytest.raises(Problem):
        store_answering(client, *[busy] * 99).consume([Quota("Q", 9, NOW + 60)], now=NOW)
    assert pauses == sorted(pauses)
    assert 3 < sum(pauses) < 5


def test_a_renewal_uses_its_quota_with_its_record_or_writes_nothing(store: Store, client):
    quota, first = Quota("RENEWALS#g", 1, NOW + 60), opened(store)
    link = first_link(first)
    second = audit.with_chain_head(first, link)
    store.save(first, second, link, [quota], now=NOW)
    after = first_link(second)
    with pytest.raises(Conflict) as used:
        store.save(second, audit.with_chain_head(second, after), after, [quota], now=NOW)
    assert used.value.key == quota.key
    assert store.grant(GRANT.id) == second
    assert len(records(client)) == 2


REJECTED_BY = rejection_key(PENDING.unit_key, PENDING.human)


def test_rev_17_a_rejection_is_found_for_a_day_by_its_owner_and_role(store: Store):
    before = opened(store, PENDING)
    vote = Vote(identity("corp.bob"), VoteVerdict.REJECT, "", "No.", NOW + 5, "web")
    after = replace(before.move(State.REJECTED), votes=(vote,))
    link = audit.next_chained_record(
        audit.grant_record(AuditEvent.VOTE, Outcome.REJECTED, after, Origin(), NOW + 5), before
    )
    store.save(before, audit.with_chain_head(after, link), link, now=NOW + 5)
    found = store.rejections(REJECTED_BY, PENDING.role_arn, None, NOW + 5 + REJECTION_SECONDS)
    assert found == [Rejection(PENDING.id, "corp.bob", NOW + 5, "No.", PENDING.permissions)]
    assert store.rejections(REJECTED_BY, SECOND, None, NOW + 6) == found
    assert not store.rejections(REJECTED_BY, PENDING.role_arn, None, NOW + 6 + REJECTION_SECONDS)
    assert not store.rejections(REJECTED_BY, PENDING.role_arn + "x", None, NOW + 6)
    assert not store.rejections(f"{REJECTED_BY}x", PENDING.role_arn, None, NOW + 6)


@pytest.mark.parametrize("counts_again", [True, False])
def test_rev_11_an_approval_that_counts_again_is_found_for_30_days(store: Store, counts_again: bool):
    approved_at(store, replace(PENDING, counts_again=counts_again), NOW + 5)
    owner, last = PENDING.owner_key, NOW + 4 + HISTORY_SECONDS
    expected = (PENDING.id,) if counts_again else ()
    assert store.counting_approvals(owner, PENDING.role_arn, last) == expected
    assert store.counting_approvals(owner, SECOND, last) == expected
    assert store.counting_approvals(owner, PENDING.role_arn, last + 2) == ()
    assert store.counting_approvals(owner, PENDING.role_arn + "x", last) == ()
    assert store.counting_approvals(f"{owner}x", PENDING.role_arn, last) == ()


@pytest.mark.parametrize("which", ["approved", "repeated", "this time only"])
def test_rev_11_no_approval_before_a_revocation_is_found(store: Store, which: str):
    """Of the approved grant, one that it allowed, or another. Approvals of the same second end too."""
    approved = approved_at(store, replace(PENDING, counts_again=True), NOW + 5)
    earlier = (EarlierApproval(approved.id, ("owners",), NOW + 5),)
    others = {"repeated": {"earlier_approvals": earlier}, "this time only": {"this_time_only": True}}
    before = opened(store, replace(GRANT, **others[which])) if which in others else approved
    found = (PENDING.owner_key, PENDING.role_arn, NOW + 60)
    assert store.counting_approvals(*found) == (approved.id,)
    ended = before.end(State.REVOKED, GrantEnd(NOW + 5, "corp.bob", "wrong"))
    link = audit.next_chained_record(
        audit.grant_record(AuditEvent.REVOCATION, Outcome.REVOKED, ended, Origin(), NOW + 5), before
    )
    store.save(before, audit.with_chain_head(ended, link), link, now=NOW + 5)
    assert store.counting_approvals(*found) == ()
    later = approved_at(store, replace(PENDING, id="g-later", counts_again=True), NOW + 6)
    assert store.counting_approvals(*found) == (later.id,)


def test_rev_11_only_a_revocation_of_what_people_approved_ends_approvals(store: Store):
    ending = GrantEnd(NOW + 5, "corp.bob", "wrong")
    revoked = GRANT.end(State.REVOKED, ending)
    assert past_verdicts.put_end_of_approvals("state", GRANT, revoked) == []
    approved = replace(GRANT, counts_again=True)
    assert past_verdicts.put_end_of_approvals("state", approved, approved.end(State.RELEASED, ending)) == []
    ended = approved.end(State.REVOKED, ending)
    assert past_verdicts.put_end_of_approvals("state", ended, replace(ended, cut_off_at=NOW + 6)) == []


def test_rev_11_only_the_newest_approvals_are_read(store: Store):
    """So the time of a request does not grow with the number of approvals."""
    made = [
        approved_at(store, replace(PENDING, id=f"g-{n}", counts_again=True), NOW + n) for n in range(MOST_APPROVALS + 1)
    ]
    newest = [each.id for each in reversed(made)][:MOST_APPROVALS]
    assert list(store.counting_approvals(PENDING.owner_key, PENDING.role_arn, NOW + 60)) == newest


def test_rev_11_a_change_that_approves_nothing_stores_no_approval(store: Store):
    before = opened(store, replace(PENDING, counts_again=True))
    assert past_verdicts.put_approval("state", before, before) == []
    active = activated(before, NOW + 5)
    assert past_verdicts.put_approval("state", active, replace(active, cut_off_at=NOW + 6)) == []


def test_rev_11_the_end_of_approvals_is_kept_as_long_as_an_approval_counts():
    active = activated(replace(PENDING, counts_again=True), NOW)
    revoked = active.end(State.REVOKED, GrantEnd(NOW + 5, "corp.olga", "wrong"))
    (put,) = past_verdicts.put_end_of_approvals("state", active, revoked)
    assert put["Put"]["Item"]["expires"] == {"N": str(NOW + 5 + HISTORY_SECONDS)}


def test_rev_17_a_rejected_call_is_found_by_equal_calls_only(store: Store):
    before = opened(store, replace(PENDING, call=CALL))
    vote = Vote(identity("corp.bob"), VoteVerdict.REJECT, "", "No.", NOW + 5, "web")
    after = replace(before.move(State.REJECTED), votes=(vote,))
    link = audit.next_chained_record(
        audit.grant_record(AuditEvent.VOTE, Outcome.REJECTED, after, Origin(), NOW + 5), before
    )
    store.save(before, audit.with_chain_head(after, link), link, now=NOW + 5)
    (found,) = store.rejections(REJECTED_BY, PENDING.role_arn, CALL._replace(grant_id="g-another"), NOW + 6)
    assert found == Rejection(PENDING.id, "corp.bob", NOW + 5, "No.", PENDING.permissions)
    for other in (None, CALL._replace(parameters="{}"), CALL._replace(region="eu-west-2")):
        assert not store.rejections(REJECTED_BY, PENDING.role_arn, other, NOW + 6)


def test_rev_17_a_rejection_keeps_the_words_that_were_rejected_too(store: Store):
    before = opened(store, replace(PENDING, repeated=RepeatedRequest("It is over.", GRANT.id, "corp.bob", NOW, "No.")))
    vote = Vote(identity("corp.bob"), VoteVerdict.REJECT, "", "Still no.", NOW + 5, "web")
    after = replace(before.move(State.REJECTED), votes=(vote,))
    link = audit.next_chained_record(
        audit.grant_record(AuditEvent.VOTE, Outcome.REJECTED, after, Origin(), NOW + 5), before
    )
    store.save(before, audit.with_chain_head(after, link), link, now=NOW + 5)
    (found,) = store.rejections(REJECTED_BY, PENDING.role_arn, None, NOW + 6)
    assert found == Rejection(PENDING.id, "corp.bob", NOW + 5, "Still no.", PENDING.permissions, "It is over.")


def test_rev_17_a_rejection_holds_what_a_reviewer_left_out_before(store: Store, client):
    asked = RequestedAccess((*PENDING.permissions, Permission(("s3:PutObject",), ("*",))), PENDING.duration_seconds)
    vote = Vote(identity("corp.bob"), VoteVerdict.REJECT, "", "No.", NOW, "web")
    rejected = replace(PENDING.move(State.REJECTED), votes=(vote,), requested=asked)
    client.transact_write_items(TransactItems=put_rejection("state", PENDING, rejected))
    (found,) = store.rejections(REJECTED_BY, PENDING.role_arn, None, NOW + 1)
    assert found.permissions == asked.permissions


def test_rev_17_no_flood_of_later_rejections_makes_the_store_forget_one(store: Store, client):
    """As when a reviewer rejects all requests of a loop at once."""
    for number in range(60):
        vote = Vote(identity("corp.bob"), VoteVerdict.REJECT, "", str(number), NOW + number, "web")
        rejected = replace(PENDING.move(State.REJECTED), votes=(vote,))
        client.transact_write_items(TransactItems=put_rejection("state", PENDING, rejected))
    found = store.rejections(REJECTED_BY, PENDING.role_arn, None, NOW + 60)
    assert [each.comment for each in found] == [str(number) for number in reversed(range(60))]


def test_rev_17_a_rejection_counts_at_once():
    """Without a consistent read, an agent that repeats its request at once could get it past the rejection."""
    assert rejections_query("state", REJECTED_BY, PENDING.role_arn, None, NOW)["ConsistentRead"]


def test_rev_17_an_approval_leaves_no_rejection(store: Store):
    approved_at(store, PENDING, NOW + 5)
    assert not store.rejections(REJECTED_BY, PENDING.role_arn, None, NOW + 6)
