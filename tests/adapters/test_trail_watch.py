"""The watches of CloudTrail in the state table, over moto (rows OPS 1, AUD 4)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from jitney.adapters.record_items import record_in
from jitney.adapters.trail_watch import TrailWatches
from jitney.adapters.transactions import StaleWrite
from jitney.core.trail.gaps import GAP_SECONDS, GapChange, OpenGap, TrailGap, TrailWatch, change_of_gap
from jitney.core.trail.heartbeat import BROKER
from tests.fakes import NOW
from tests.moto_clients import moto_client

ALIAS = "analytics-prod"
LATER = NOW + GAP_SECONDS + 1


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        client = moto_client("dynamodb")
        for table in ("state", "audit"):
            client.create_table(
                TableName=table,
                AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
                BillingMode="PAY_PER_REQUEST",
            )
        yield client


@pytest.fixture
def watches(client: Any) -> TrailWatches:
    return TrailWatches(client, "state", "audit")


def changed(watches: TrailWatches, target: str, now: int) -> GapChange:
    watch = watches.watches()[target]
    assert watch
    change = change_of_gap(watch, "r-1", "444455556666", now)
    assert change
    return change


def test_ops_01_only_a_newer_heartbeat_counts(watches: TrailWatches):
    assert watches.watches() == {}
    for at in (NOW, NOW + 300, NOW + 200):
        watches.note(ALIAS, at)
    watches.note(BROKER, NOW + 7)
    assert watches.watches(consistent=True) == {
        ALIAS: TrailWatch(ALIAS, NOW + 300),
        BROKER: TrailWatch(BROKER, NOW + 7),
    }


def test_ops_01_a_gap_and_its_records_are_written_together(watches: TrailWatches, client: Any):
    watches.note(ALIAS, NOW)
    began = changed(watches, ALIAS, LATER)
    watches.change(began, LATER)
    assert watches.watches()[ALIAS] == TrailWatch(ALIAS, NOW, OpenGap(NOW, "r-1", began.record.hash))
    with pytest.raises(StaleWrite):
        watches.change(began, LATER)
    watches.note(ALIAS, NOW + 9000)
    ended = changed(watches, ALIAS, NOW + 9300)
    watches.change(ended, NOW + 9300)
    with pytest.raises(StaleWrite):
        watches.change(ended, NOW + 9300)
    assert watches.watches()[ALIAS] == TrailWatch(ALIAS, NOW + 9000, None, (TrailGap(ALIAS, NOW, NOW + 9000),))
    stored = [json.loads(record_in(each)) for each in client.scan(TableName="audit")["Items"]]
    assert sorted((each["chain"], each["seq"], each["outcome"]) for each in stored) == [
        ("r-1", 0, "set"),
        ("r-1", 1, "ended"),
    ]


def test_ops_01_a_heartbeat_that_arrives_meanwhile_ends_the_silence(watches: TrailWatches, client: Any):
    watches.note(ALIAS, NOW)
    began = changed(watches, ALIAS, LATER)
    watches.note(ALIAS, LATER - 60)
    with pytest.raises(StaleWrite):
        watches.change(began, LATER)
    assert client.scan(TableName="audit")["Count"] == 0


def test_ops_01_a_heartbeat_after_a_gap_does_not_hide_it_from_the_reconciler(watches: TrailWatches):
    watches.note(ALIAS, NOW)
    watches.note(ALIAS, LATER)  # it arrives before the reconciler's run
    began = changed(watches, ALIAS, LATER + 60)
    watches.change(began, LATER + 60)
    watches.note(ALIAS, LATER + 300)
    watches.change(changed(watches, ALIAS, LATER + 400), LATER + 400)
    assert watches.watches()[ALIAS] == TrailWatch(ALIAS, LATER + 300, None, (TrailGap(ALIAS, NOW, LATER + 300),))


@pytest.mark.parametrize(("ahead", "kept"), [(GAP_SECONDS + 300, True), (GAP_SECONDS + 301, False)])
def test_ops_01_a_heartbeat_replaces_a_time_that_no_clock_can_have(watches: TrailWatches, ahead: int, kept: bool):
    """A heartbeat may be late, but the newest one cannot be from the future."""
    watches.note(ALIAS, NOW + ahead)
    watches.note(ALIAS, NOW)
    assert watches.watches() == {ALIAS: TrailWatch(ALIAS, NOW + ahead if kept else NOW)}


@pytest.mark.parametrize(
    "more",
    [
        {"seen_at": {"S": "2026"}},
        {"seen_at": {"N": "1"}, "gap_since": {"N": "1"}},
        {"seen_at": {"N": "1"}, "ended_gaps": {"S": "{"}},
        {"seen_at": {"N": "1"}, "ended_gaps": {"S": "[[1]]"}},
        {"seen_at": {"N": "1"}, "ended_gaps": {"S": "[[1, null]]"}},
        {},
    ],
)
def test_ops_02_a_watch_that_cannot_be_read_does_not_hide_the_others(watches: TrailWatches, client: Any, more: Any):
    """A newer version may have written it before a rollback."""
    watches.note(ALIAS, NOW)
    for sort_key in ("TARGET#other", "REGION#eu-west-1"):
        client.put_item(TableName="state", Item={"pk": {"S": "TRAIL"}, "sk": {"S": sort_key}} | more)
    assert watches.watches() == {ALIAS: TrailWatch(ALIAS, NOW), "other": None}
