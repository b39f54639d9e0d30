"""The comparison of `benchmarks.load` finds what is lost, doubled or invented."""

from collections import Counter

import pytest

from benchmarks.load import difference, events_by_grant

CAUSED = {"g-1": {"request"}, "g-2": {"request", "release"}}


@pytest.mark.parametrize(
    ("recorded", "wrong"),
    [
        ({"g-1": {"request": 1}, "g-2": {"request": 1, "release": 1, "canary": 1}}, []),
        ({"g-1": {"request": 1}}, ["g-2"]),
        ({"g-1": {"request": 1}, "g-2": {"request": 1}}, ["g-2"]),
        ({"g-1": {"request": 2}, "g-2": {"request": 1, "release": 1}}, ["g-1"]),
        ({"g-1": {"request": 1}, "g-2": {"request": 1, "release": 1}, "g-3": {"request": 1}}, ["g-3"]),
    ],
)
def test_what_is_lost_doubled_or_invented_is_found(recorded: dict[str, dict[str, int]], wrong: list[str]):
    assert difference(CAUSED, {grant_id: Counter(events) for grant_id, events in recorded.items()}) == wrong


def record(grant_id: str, event: str, number: str, principal: str = "factory.load-1") -> dict[str, str]:
    return {"chain": grant_id, "grant_id": grant_id, "event": event, "hash": number, "principal": principal}


def test_a_record_that_was_delivered_twice_counts_once_and_two_records_twice():
    once, twice = record("g-1", "request", "a"), [record("g-2", "request", each) for each in ("b", "c")]
    refusal = {"chain": "r-1", "grant_id": "", "event": "refusal", "hash": "d", "principal": "factory.load-1"}
    other = record("g-3", "request", "e", "factory.robot-1")
    found = events_by_grant([once, once, *twice, refusal, other], ".load-")
    assert found == {"g-1": {"request": 1}, "g-2": {"request": 2}}
