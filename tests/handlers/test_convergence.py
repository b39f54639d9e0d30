"""CloudTrail events in any order, with any failure, end in the same lines, and none is lost (row AUD 3)."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.adapters import trail
from jitney.adapters.delivery_streams import DeliveryStream
from jitney.audit_database.definitions import QUERIES
from jitney.handlers import correlator
from jitney.handlers.runtime.logs import logger
from jitney.handlers.trail import trail_events
from local.engine import opened
from tests.cloudtrail_events import MemoryTable
from tests.correlator_simulation import BEYOND, UNISSUED, End, System, World, end_of, world
from tests.examples import examples

MANY = examples(2000)
SOME = 400
"""Events, enough for every bug that is planted."""


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, functions_environment: None):
    monkeypatch.setattr(logger, "disabled", True)


@cache
def _world(count: int) -> World:
    return world(count)


@cache
def _orderly(count: int) -> End:
    system = System(None)
    system.take_in(_world(count).events)
    return end_of(system)


def _ends(count: int, seed: int) -> End:
    system = System(random.Random(seed))
    system.take_in(_world(count).events)
    return end_of(system)


def _assert_same(end: End, count: int) -> None:
    """Same as in an orderly world. Only late events may be reported as bypasses unnecessarily."""
    orderly = _orderly(count)
    assert {event_id: tuple(line["reasons"]) for event_id, line in end.lines.items()} == _world(count).reasons
    assert (end.lines, end.issued) == (orderly.lines, orderly.issued)
    assert end.notified >= orderly.notified
    assert {reasons for _, _, reasons in end.notified - orderly.notified} <= {UNISSUED}


def test_aud_03_thousands_of_late_shuffled_and_repeated_events_end_in_the_same_lines():
    _assert_same(_ends(MANY, 0), MANY)


@settings(max_examples=examples(10))
@given(st.integers(0, 2**32))
def test_aud_03_any_order_and_any_failure_end_in_the_same_lines(seed: int):
    _assert_same(_ends(SOME, seed), SOME)


def test_aud_05_the_bypasses_query_lists_each_once_and_no_late_explanation(tmp_path: Path):
    system = System(random.Random(15))
    system.take_in(_world(SOME).events)
    lines = system.published["line"].lines
    assert len(lines) > len(set(lines)) > len(_orderly(SOME).lines)  # some came twice, some were judged twice
    folder = tmp_path / "calls" / f"dt={datetime.now(UTC).date()}"
    folder.mkdir(parents=True)
    (folder / "1.json").write_text("".join(lines), encoding="utf-8")
    with opened(tmp_path) as connection:
        for name, beyond in (("bypasses", False), ("beyond_grant", True)):
            rows = connection.execute((QUERIES / f"{name}.sql").read_text(encoding="utf-8")).fetchall()
            reasons = _world(SOME).reasons.items()
            assert rows
            assert sorted(row[-1] for row in rows) == sorted(
                event_id for event_id, why in reasons if why and (why == BEYOND) is beyond
            )


def _acknowledges_failures(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(correlator, "process_partial_response", _all_taken)


def _all_taken(event: dict[str, Any], record_handler: Any, processor: Any) -> dict[str, Any]:
    with processor(event["Records"], record_handler) as batch:
        batch.process()
    return {"batchItemFailures": []}


def _claims_before_it_writes(patch: pytest.MonkeyPatch) -> None:
    claimed: set[str] = set()
    process = correlator.process_event

    def once(event: Any, *more: Any) -> None:
        if event["eventID"] not in claimed:
            claimed.add(event["eventID"])
            process(event, *more)

    patch.setattr(correlator, "process_event", once)


def _keeps_no_call(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trail.Trail, "save_call", lambda *_: None)


def _does_not_look_for_what_waits(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trail_events, "judge_calls", lambda *_, **__: None)
    patch.setattr(correlator, "judge_calls", lambda *_, **__: None)


def _forgets_to_look_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(trail.TrailQueue, "requeue", lambda *_: None)


def _writes_over(patch: pytest.MonkeyPatch) -> None:
    def put(self: Any, *, Item: dict[str, Any], **_: Any) -> None:  # noqa: N803
        self.items[Item["pk"]["S"], Item["sk"]["S"]] = Item

    patch.setattr(MemoryTable, "put_item", put)


def _remembers_what_it_does_not_know(patch: pytest.MonkeyPatch) -> None:
    find = trail.Trail.issue

    def found(self: Any, *key: str) -> Any:
        known = vars(self).setdefault("known", {})
        return known[key[:2]] if key[:2] in known else known.setdefault(key[:2], find(self, *key))

    patch.setattr(trail.Trail, "issue", found)


def _never_looks_at_a_bypass_again(patch: pytest.MonkeyPatch) -> None:
    waiting = trail._unjudged
    patch.setattr(
        trail, "_unjudged", lambda *given, **more: (each for each in waiting(*given, **more) if not each.reported)
    )


def _publishes_less(patch: pytest.MonkeyPatch) -> None:
    put = DeliveryStream.put
    patch.setattr(DeliveryStream, "put", lambda self, texts: put(self, texts) and [])


PLANTED: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "acknowledges what failed": _acknowledges_failures,
    "claims an event before it writes": _claims_before_it_writes,
    "keeps no call that waits": _keeps_no_call,
    "does not look for what waits": _does_not_look_for_what_waits,
    "forgets to look again": _forgets_to_look_again,
    "writes over what is there": _writes_over,
    "remembers that a key was unknown": _remembers_what_it_does_not_know,
    "never looks at a bypass again": _never_looks_at_a_bypass_again,
    "publishes less than the batch": _publishes_less,
}


def _assert_same_for(seeds: range) -> None:
    for seed in seeds:
        _assert_same(_ends(SOME, seed), SOME)


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED)
def test_aud_03_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch):
    _orderly(SOME)
    PLANTED[bug](monkeypatch)
    with pytest.raises(AssertionError):
        _assert_same_for(range(20))
