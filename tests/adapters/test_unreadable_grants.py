"""Grants that this version cannot read: quarantined in lists, revocable by their id."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from jitney.adapters.call_store import CallStore
from jitney.adapters.grant_items import VERSION, grant_key, item_of, text_of
from jitney.adapters.store import Store
from jitney.adapters.suspension_item import SuspensionStore
from jitney.adapters.transactions import StaleWrite
from jitney.core.access.grant import GrantEnd, State
from jitney.core.identity.principal import owner_names
from jitney.core.problems import Problem
from jitney.core.records.chain_numbers import MAX_SEQ
from tests.adapters.test_store import client, first_link, store  # noqa: F401 - fixtures
from tests.fakes import GRANT, NOW, PENDING, ROLE_ARN

Item = dict[str, Any]
OTHER = replace(GRANT, id="g-cccccccccccccc", expires_at=NOW + 200)


def with_member(name: str, **members: Any) -> Callable[[Item], Item]:
    return lambda item: item | {name: {"S": json.dumps(json.loads(text_of(item, name)) | members)}}


def with_ending(**members: Any) -> Callable[[Item], Item]:
    ending = {"at": NOW, "by": "a", "reason": "b", **members}
    return lambda item: item | {"ending": {"S": json.dumps(ending)}}


FAULTS: dict[str, Callable[[Item], Item]] = {
    "a newer version": lambda item: item | {"version": {"N": str(VERSION + 1)}},
    "an unknown term": with_member("terms", geofence="eu"),
    "a term of another type": with_member("terms", votes=7),
    "an unknown state": with_member("lifecycle", state="paused"),
    "an unknown way": with_member("terms", way="tunnel"),
    "terms that cannot be decompressed": lambda item: item | {"terms": {"B": b"terms"}},
    "terms that are no JSON": lambda item: item | {"terms": {"S": "{"}},
    "terms that are a list": lambda item: item | {"terms": {"S": "[]"}},
    "a text as number of records": lambda item: item | {"records": {"S": "1"}},
    "a fraction as number of records": lambda item: item | {"records": {"N": "1.5"}},
    "a negative number of records": lambda item: item | {"records": {"N": "-1"}},
    "more records than a chain has": lambda item: item | {"records": {"N": str(MAX_SEQ + 1)}},
    "a number of records with all digits of DynamoDB": lambda item: item | {"records": {"N": "9" * 38}},
    "no number of records": lambda item: {name: value for name, value in item.items() if name != "records"},
    "no lifecycle": lambda item: {name: value for name, value in item.items() if name != "lifecycle"},
    "an ending of another type": lambda item: item | {"ending": {"S": '{"at":"soon","by":"a","reason":"b"}'}},
    "an ending with an unknown member": lambda item: item | {"ending": {"S": '{"at":1,"by":"a","reason":"b","or":1}'}},
    "an ending that is a list": lambda item: item | {"ending": {"S": "[1]"}},
    "an ending at a time that no calendar has": with_ending(at=10**12),
    "an ending before all times": with_ending(at=-1),
    "a denial at a time that no calendar has": with_ending(written_at=10**12),
    "a cut-off at a time that no calendar has": with_member("lifecycle", cut_off_at=10**12),
    "a call sent at a time that no calendar has": lambda item: item | {"call_sent": {"N": f"{10**12}"}},
    "an end with an unknown member": lambda item: item | {"follow_up": {"S": '{"stars":5}'}},
}


@pytest.fixture(params=FAULTS.values(), ids=FAULTS)
def faulty(request, client) -> Item:  # noqa: F811
    """Store one grant that cannot be read between readable ones."""
    unreadable: Item = request.param(item_of(GRANT))
    for item in (unreadable, item_of(PENDING), item_of(OTHER)):
        client.put_item(TableName="state", Item=item)
    return unreadable


def test_ops_02_lists_leave_out_an_unreadable_grant_and_report_it(client, faulty: Item):  # noqa: F811
    reports: list[Any] = []
    read = Store(client, "state", "audit", report=reports.append)
    owned, _ = read.grants_of(GRANT.owner_key)
    assert {each.id for each in owned} == {PENDING.id, OTHER.id}
    assert [each.id for each in read.open_grants(ROLE_ARN, NOW + 9000)] == [OTHER.id, PENDING.id]
    assert [each.id for each in read.grants_in_state(ROLE_ARN, State.ACTIVE, NOW)] == [OTHER.id]
    assert read.readable_grants([GRANT.id, OTHER.id]).keys() == {OTHER.id}
    assert read.open_grant_ids(ROLE_ARN, NOW, 9) == {GRANT.id, PENDING.id, OTHER.id}
    assert [[error.grant_id for error in each] for each in reports] == [[GRANT.id]] * 4


def test_ops_02_every_other_read_of_an_unreadable_grant_is_refused(client, faulty: Item):  # noqa: F811
    read = Store(client, "state", "audit")
    calls = CallStore(client, "state", "audit", "answers", SuspensionStore(client, "state"))
    reads = (
        lambda: read.grant(GRANT.id),
        lambda: read.grants_by_id([OTHER.id, GRANT.id]),
        lambda: calls.read(GRANT.id, GRANT.owner_key, "key", NOW),
    )
    for each in reads:
        with pytest.raises(Problem) as refused:
            each()
        assert (refused.value.code, refused.value.extras) == ("grant_unreadable", {"grant_id": GRANT.id})
    assert read.unreadable_grant(OTHER.id) is None


def test_ops_02_an_unreadable_grant_keeps_what_its_end_needs(client, faulty: Item):  # noqa: F811
    read = Store(client, "state", "audit")
    found = read.unreadable_grant(GRANT.id)
    assert found
    assert (found.id, found.role_arn, found.unit, found.expires_at) == (
        GRANT.id,
        ROLE_ARN,
        GRANT.unit,
        GRANT.expires_at,
    )
    assert (owner_names(found.owner_key), found.permissions) == (owner_names(GRANT.owner_key), ())
    assert found.may_have_credentials(NOW)
    ended = found.end(State.REVOKED, GrantEnd(NOW, "corp.olga", "leaked"))
    read.save(found, replace(ended, records=found.records + 1), first_link(found), now=NOW)
    assert (again := read.unreadable_grant(GRANT.id)) is None or again.state is State.REVOKED
    item = client.get_item(TableName="state", Key={name: faulty[name] for name in ("pk", "sk")})["Item"]
    assert "open_role" not in item
    assert item["terms"] == faulty["terms"]


def test_ops_02_an_end_by_an_unknown_number_of_records_overwrites_no_change(client):  # noqa: F811
    """Another function may have ended the grant meanwhile, and its number of records is known then."""
    read, unknown = Store(client, "state", "audit"), item_of(GRANT) | {"records": {"S": "1"}}
    client.put_item(TableName="state", Item=unknown)
    found = read.unreadable_grant(GRANT.id)
    assert found
    ended = replace(found.end(State.REVOKED, GrantEnd(NOW, "corp.olga", "leaked")), records=1)
    for meanwhile in (item_of(GRANT), None):
        if meanwhile:
            client.put_item(TableName="state", Item=meanwhile)
        else:
            client.delete_item(TableName="state", Key=grant_key(GRANT.id))
        with pytest.raises(StaleWrite):
            read.save(found, ended, first_link(found), now=NOW)
        stored = client.get_item(TableName="state", Key=grant_key(GRANT.id)).get("Item")
        assert stored == meanwhile


def test_ops_02_an_unreadable_grant_without_a_role_is_not_revoked_silently(client):  # noqa: F811
    item = item_of(GRANT) | {"terms": {"S": "{"}}
    del item["role_arn"], item["open_role"]
    client.put_item(TableName="state", Item=item)
    with pytest.raises(Problem) as refused:
        Store(client, "state", "audit").unreadable_grant(GRANT.id)
    assert refused.value.code == "grant_unreadable"


def test_ops_02_each_unreadable_grant_is_logged_once_and_counted_at_each_read(
    client,  # noqa: F811
    faulty: Item,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("jitney.adapters.unreadable_grants._logged", set())
    read = Store(client, "state", "audit")
    for _ in range(2):
        read.grants_of(GRANT.owner_key)
    (line,) = [each for each in caplog.records if each.msg == "unreadable grant"]
    assert line.grant_id == GRANT.id
    metrics = [json.loads(each) for each in capsys.readouterr().out.splitlines() if "UnreadableGrants" in each]
    assert [each["UnreadableGrants"] for each in metrics] == [[1.0]] * 2


def test_ops_02_an_agent_that_reads_an_ended_grant_does_not_keep_the_alarm(
    client,  # noqa: F811
    faulty: Item,
    capsys: pytest.CaptureFixture[str],
):
    """The alarm rolls canary deployments back. A revocation ends it, although the grant stays unreadable."""
    read = Store(client, "state", "audit")
    found = read.unreadable_grant(GRANT.id)
    assert found
    ended = found.end(State.REVOKED, GrantEnd(NOW, "corp.olga", "leaked"))
    read.save(found, replace(ended, records=found.records + 1), first_link(found), now=NOW)
    capsys.readouterr()
    owned, _ = read.grants_of(GRANT.owner_key)
    assert OTHER.id in {each.id for each in owned}
    with suppress(Problem):  # an end may make the grant readable
        read.grants_by_id([GRANT.id])
    assert "UnreadableGrants" not in capsys.readouterr().out
