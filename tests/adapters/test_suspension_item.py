"""The suspensions in the state table: one item, changed only as it was read, with its record (END 8)."""

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from jitney.adapters.store import Store
from jitney.adapters.suspension_item import SUSPENSIONS_KEY, SuspensionStore
from jitney.adapters.transactions import StaleWrite
from jitney.core.access.suspension_entry import Suspension, SuspensionKind
from jitney.core.access.suspensions import LIFTED_SECONDS, MAX_CHARACTERS, MOST_SUSPENSIONS, Suspensions
from jitney.core.problems import Problem
from jitney.core.records import audit
from jitney.core.records.audit import AuditEvent, AuditRecord, Outcome
from tests.adapters.test_role_policies import KEYS
from tests.adapters.test_store import client, records, store  # noqa: F401 - fixtures
from tests.fakes import NOW

FIRST = Suspension("s-first", SuspensionKind.ISSUER, "github", NOW, "people.olga", "leak: é")
SECOND = Suspension("s-second", SuspensionKind.TARGET, "analytics-prod", NOW + 1, "people.olga", "wrong policy")
DYNAMODB_ITEM_BYTES = 400 * 1024


@pytest.fixture
def suspensions(client: Any) -> SuspensionStore:  # noqa: F811
    return SuspensionStore(client, "state")


def link(number: int) -> audit.ChainedRecord:
    return audit.chain_record(AuditRecord(NOW, AuditEvent.SUSPENSION, Outcome.SET), f"r-{number}")


def changed(to: Store, before: Suspensions, after: Suspensions, number: int) -> Suspensions:
    """Write `after`, and return it as stored: with the version of its write."""
    to.change_suspensions(before, after, link(number), now=NOW)
    return after._replace(version=link(number).chain)


def test_end_08_they_come_back_as_written_each_with_its_record(suspensions, store: Store, client):  # noqa: F811
    none = suspensions.current()
    assert none == Suspensions()
    one = changed(store, none, none.with_new(FIRST), 1)
    assert suspensions.current() == one
    two = changed(store, one, one.with_new(SECOND), 2)
    changed(store, two, two.with_lifted(FIRST, "people.olga", NOW + 9), 3)
    found = suspensions.current()
    assert [(each.id, each.lifted_at) for each in found.entries] == [("s-first", NOW + 9), ("s-second", None)]
    assert found.in_force == (SECOND,)
    assert suspensions.current() is found
    assert len(records(client)) == 3


def test_aud_01_only_suspensions_lifted_long_ago_are_forgotten(suspensions: SuspensionStore, store: Store):  # noqa: F811
    none = suspensions.current()
    two = changed(store, none, none.with_new(FIRST).with_new(SECOND), 1)
    lifted = changed(store, two, two.with_lifted(FIRST, "people.olga", NOW), 2)
    last = NOW + LIFTED_SECONDS
    suspensions.forget_lifted(lifted, last - 1, "r-3")
    assert suspensions.current() == lifted
    suspensions.forget_lifted(two.with_lifted(FIRST, "people.olga", NOW), last, "r-4")  # read before another change
    assert suspensions.current() == lifted
    suspensions.forget_lifted(lifted, last, "r-5")
    assert suspensions.current() == Suspensions("r-5", (SECOND,))


def test_aud_01_nothing_is_forgotten_while_a_transaction_changes_the_suspensions():
    """A transaction in progress refuses a single write with an error of its own."""
    long_ago = Suspensions("r-1", (replace(FIRST, lifted_at=NOW),))
    with Stubber(boto3.client("dynamodb", **KEYS)) as stub:
        stub.add_client_error("put_item", "TransactionConflictException", http_status_code=400)
        SuspensionStore(stub.client, "state").forget_lifted(long_ago, NOW + LIFTED_SECONDS, "r-2")
        stub.assert_no_pending_responses()


def test_end_08_of_two_changes_at_once_the_later_one_starts_over(suspensions, store: Store, client):  # noqa: F811
    none = suspensions.current()
    one = changed(store, none, none.with_new(FIRST), 1)
    with pytest.raises(StaleWrite):
        store.change_suspensions(none, none.with_new(SECOND), link(2), now=NOW)
    store.change_suspensions(one, one.with_lifted(FIRST, "people.olga", NOW), link(3), now=NOW)
    with pytest.raises(StaleWrite):
        store.change_suspensions(one, one.with_new(SECOND), link(4), now=NOW)
    assert [each.in_force for each in suspensions.current().entries] == [False]
    assert len(records(client)) == 2


@pytest.mark.parametrize("letter", ["x", "\U0001f525"])
def test_end_08_the_longest_list_fits_an_item_and_every_entry_can_be_lifted(letter: str):
    full = Suspensions()
    with pytest.raises(Problem) as refused:  # noqa: PT012 - the loop ends with the refusal
        for number in range(MOST_SUSPENSIONS + 1):
            name = f"corp.{number}".ljust(64, "x")
            entry = Suspension(f"s-{number:014d}", SuspensionKind.AGENT, name, NOW, name, letter * 500)
            full = full.with_new(entry)
    assert refused.value.code == "suspensions_full"
    for each in full.entries:
        full = full.with_lifted(each, "people.olga".ljust(64, "x"), NOW + 1)
    assert not full.in_force
    assert MAX_CHARACTERS / 2 < len(full.text()) < DYNAMODB_ITEM_BYTES


def test_end_08_suspensions_with_members_of_a_later_version_hold():
    entries = json.loads(Suspensions("v", (FIRST,)).text())
    entries[0]["of_a_later_version"] = True
    assert Suspensions.read("v", json.dumps(entries)).entries == (FIRST,)


def test_end_08_suspensions_of_an_earlier_version_hold():
    entries = json.loads(Suspensions("v", (SECOND,)).text())
    for member in ("role", "completed_at", "not_before"):
        del entries[0][member]
    assert Suspensions.read("v", json.dumps(entries)).entries == (SECOND,)


ENTRY = json.loads(Suspensions("v", (FIRST,)).text())[0]
UNREADABLE = {
    "a kind of a newer version": {"entries": {"S": '[{"id":"s-1","kind":"fleet","name":"a"}]'}},
    "a missing member": {"entries": {"S": '[{"id":"s-1","kind":"agent","name":"a"}]'}},
    "an entry that is no object": {"entries": {"S": "[1]"}},
    "a name of another type": {"entries": {"S": json.dumps([ENTRY | {"name": ["github", "gitlab"]}])}},
    "an end of another type": {"entries": {"S": json.dumps([ENTRY | {"lifted_at": ""}])}},
    "no JSON": {"entries": {"S": "["}},
    "no entries": {"other": {"S": "[]"}},
    "entries of another type": {"entries": {"B": b"[]"}},
}


@pytest.mark.parametrize("members", UNREADABLE.values(), ids=UNREADABLE)
def test_end_08_suspensions_that_cannot_be_read_are_a_problem_at_each_read(
    suspensions,
    store: Store,  # noqa: F811
    client: Any,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
    members: dict[str, Any],
):
    changed(store, Suspensions(), Suspensions().with_new(FIRST), 1)
    assert suspensions.current().in_force == (FIRST,)
    client.put_item(TableName="state", Item=SUSPENSIONS_KEY | {"version": {"S": "r-newer"}} | members)
    for _ in range(2):
        with pytest.raises(Problem) as refused:
            suspensions.current()
        assert (refused.value.status, refused.value.code) == (503, "item_unreadable")
    assert {each.message for each in caplog.records} == {"unreadable item"}


def test_ops_02_a_lock_is_stored_and_never_shortened(suspensions, store: Store, client):  # noqa: F811
    none = suspensions.current()
    one = changed(store, none, none.with_new(FIRST), 1)
    assert suspensions.current().entries[0].not_before is None
    locked = one.with_lifted(FIRST, "people.olga", NOW + 9).with_new(SECOND).locked_until(NOW + 60)
    store.change_suspensions(one, locked, link(2), now=NOW)
    assert [each.not_before for each in suspensions.current().entries] == [None, NOW + 60]
    assert locked.locked_until(NOW + 50) == locked
    assert locked.locked_until(NOW + 70).entries[1].not_before == NOW + 70


def test_ops_02_a_suspension_of_an_earlier_version_has_no_lock():
    text = '[{"id":"s-1","kind":"issuer","name":"github","since":1,"by":"people.olga","reason":"leak"}]'
    (found,) = Suspensions.read("1", text).entries
    found.require_liftable(0)
    assert found.view()["not_before"] is None


def test_end_08_a_reader_sees_each_write_even_a_repeated_one(client, store: Store):  # noqa: F811
    """A restore that is run twice lets one suspension be completed twice. Versions once named what was written."""
    idle, busy = SuspensionStore(client, "state"), SuspensionStore(client, "state")
    begun = changed(store, Suspensions(), Suspensions().with_new(FIRST), 1)
    changed(store, begun, begun.with_completed(FIRST, NOW + 60), 2)
    assert idle.current().entries[0].completed_at == NOW + 60
    again = replace(FIRST, since=NOW + 500, completed_at=None)
    renewed = busy.current()._replace(entries=(again, SECOND))
    renewed = changed(store, busy.current(), renewed, 3)
    changed(store, renewed, renewed.with_completed(again, NOW + 700), 4)
    assert idle.current() == busy.current()
    assert [each.since for each in idle.current().entries] == [NOW + 500, SECOND.since]
