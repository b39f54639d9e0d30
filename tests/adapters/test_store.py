from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest
from moto import mock_aws

from adapters.store import PAGE, Changed, Store, Taken
from core import audit
from core.access.grant import Grant, State
from core.audit import Event, Link, Origin, Outcome
from core.once import Once, Quota
from core.problems import Problem
from tests.fakes import GRANT, NOW, PENDING

KEYS = {"KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]}
INDEX = {
    "IndexName": "by_principal",
    "KeySchema": [{"AttributeName": "gsi_pk", "KeyType": "HASH"}, {"AttributeName": "gsi_sk", "KeyType": "RANGE"}],
    "Projection": {"ProjectionType": "ALL"},
}


@pytest.fixture
def client() -> Iterator[object]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
        for table, names, more in (
            ("state", ("pk", "sk", "gsi_pk", "gsi_sk"), {"GlobalSecondaryIndexes": [INDEX]}),
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


def first_link(grant: Grant) -> Link:
    return audit.next_link(audit.of_grant(Event.REQUEST, Outcome.ALLOWED, grant, Origin(), NOW), grant)


def opened(store: Store, grant: Grant = GRANT, *onces: Once) -> Grant:
    link = first_link(grant)
    grant = audit.linked(grant, link)
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
    once = Once("IDEMPOTENCY#a", NOW + 60, "held")
    opened(store, GRANT, once)
    with pytest.raises(Taken) as raised:
        opened(store, PENDING, once)
    assert raised.value.key == once.key
    assert store.grant(PENDING.id) is None
    assert len(records(client)) == 1
    assert store.held(once.key) == "held"


def test_an_expired_once_key_may_be_taken_again(store: Store):
    opened(store, GRANT, Once("REPLAY#a", NOW))
    opened(store, PENDING, Once("REPLAY#a", NOW + 60))


def test_a_change_and_its_record_are_written_together(store: Store, client):
    grant = opened(store)
    link = audit.next_link(audit.of_grant(Event.EXPIRY, Outcome.EXPIRED, grant, Origin(), NOW), grant)
    after = audit.linked(grant.move(State.EXPIRED), link)
    store.save(grant, after, link, now=NOW)
    assert store.grant(grant.id) == after
    assert len(records(client)) == 2


def test_of_two_changes_at_once_one_is_refused_and_leaves_nothing(store: Store, client):
    grant = opened(store)
    for state, allowed in ((State.RELEASED, True), (State.REVOKED, False)):
        link = audit.next_link(audit.of_grant(Event.ISSUE, Outcome.ALLOWED, grant, Origin(), NOW), grant)
        after = audit.linked(grant.move(state), link)
        if allowed:
            store.save(grant, after, link, now=NOW)
        else:
            with pytest.raises(Changed):
                store.save(grant, after, link, now=NOW)
    assert len(records(client)) == 2
    current = store.grant(grant.id)
    assert current
    assert current.state is State.RELEASED


def test_pol_09_a_quota_ends(store: Store, client):
    quota = Quota("PREVIEWS#a", 2, NOW + 60)
    for number in range(3):
        link = audit.link(audit.AuditRecord(NOW, Event.PREVIEW, Outcome.ALLOWED), f"r-{number}")
        if number < quota.most:
            store.record(link, [quota], now=NOW)
        else:
            with pytest.raises(Taken):
                store.record(link, [quota], now=NOW)
    assert len(records(client)) == quota.most


def test_a_principals_grants_come_in_pages_newest_first(store: Store):
    for number in range(PAGE + 3):
        opened(store, replace(GRANT, id=f"g-{number:014d}".translate(str.maketrans("0189", "abcd")), created_at=number))
    opened(store, replace(GRANT, id="g-zzzzzzzzzzzzzz", principal="local.other"))
    page, after = store.grants_of(GRANT.owner)
    rest, end = store.grants_of(GRANT.owner, after)
    created = [grant.created_at for grant in [*page, *rest]]
    assert created == sorted(range(PAGE + 3), reverse=True)
    assert (len(page), end) == (PAGE, "")


def test_id_10_the_grants_for_one_human_are_not_listed_for_another(store: Store):
    opened(store, replace(GRANT, human="corp.alice"))
    assert [grant.human for grant in store.grants_of(f"{GRANT.principal}#corp.alice")[0]] == ["corp.alice"]
    assert store.grants_of(f"{GRANT.principal}#corp.bob")[0] == []
    assert store.grants_of(GRANT.owner)[0] == []


def test_keys_can_be_taken_before_anything_is_done(store: Store):
    quota = Quota("PREVIEWS#a", 1, NOW + 60)
    store.take([quota], now=NOW)
    with pytest.raises(Taken) as raised:
        store.take([quota], now=NOW)
    assert raised.value.key == quota.key


def test_a_cursor_shows_nobody_elses_grants(store: Store):
    opened(store, replace(GRANT, principal="local.other"))
    mine, _ = store.grants_of(GRANT.owner, f"{NOW + 1:012d}#{GRANT.id}")
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
