"""The comparison of `benchmarks.load` finds what is lost, doubled or invented."""

from collections import Counter

import pytest

from benchmarks.load import difference

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
