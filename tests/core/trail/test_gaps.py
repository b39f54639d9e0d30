"""When CloudTrail counts as silent, and what is recorded of it (rows OPS 1, AUD 4)."""

import json

import pytest

from jitney.core.records.audit import GENESIS_HASH
from jitney.core.times import iso
from jitney.core.trail.gaps import (
    GAP_SECONDS,
    KEPT_SECONDS,
    MOST_KEPT,
    UNORDERED_SECONDS,
    TrailGap,
    TrailWatch,
    change_of_gap,
    gaps_during,
)
from jitney.core.trail.heartbeat import BROKER
from tests.fakes import NOW

ALIAS = "analytics-prod"


def after(watch: TrailWatch, now: int) -> tuple[TrailWatch, dict | None]:
    change = change_of_gap(watch, "r-1", "444455556666", now)
    return (change.after, json.loads(change.record.text)) if change else (watch, None)


def test_ops_01_a_gap_is_recorded_when_it_lasts_too_long_and_again_when_it_ends():
    watch = TrailWatch(ALIAS, NOW)
    assert after(watch, NOW + GAP_SECONDS)[1] is None
    began, first = after(watch, NOW + GAP_SECONDS + 1)
    assert first
    assert (first["event"], first["outcome"], first["target"], first["account"], first["chain"], first["seq"]) == (
        ("trail_gap", "set", ALIAS, "444455556666", "r-1", 0)
    )
    assert json.loads(first["detail"]) == {"since": iso(NOW)}
    assert began.gaps == (TrailGap(ALIAS, NOW),)
    assert after(began, NOW + 10 * GAP_SECONDS)[1] is None  # no news
    ended, second = after(began._replace(seen_at=NOW + 5000), NOW + 5300)
    assert second
    assert (second["outcome"], second["chain"], second["seq"]) == ("ended", "r-1", 1)
    assert (first["prev"], second["prev"]) == (GENESIS_HASH, first["hash"])
    assert json.loads(second["detail"]) == {"since": iso(NOW), "until": iso(NOW + 5000)}
    assert (ended.open_gap, ended.gaps) == (None, (TrailGap(ALIAS, NOW, NOW + 5000),))
    assert after(ended, NOW + 5300)[1] is None


def test_ops_01_a_late_heartbeat_does_not_hide_that_the_silence_goes_on():
    began, _ = after(TrailWatch(ALIAS, NOW), NOW + GAP_SECONDS + 1)
    late = began._replace(seen_at=NOW + 60)
    ended, _ = after(late, NOW + 4000)
    again, record = after(ended, NOW + 4000)
    assert record
    assert again.gaps == (TrailGap(ALIAS, NOW + 60), TrailGap(ALIAS, NOW, NOW + 60))


def test_aud_04_a_watch_keeps_each_gap_as_long_as_the_pages_show_grants_of_its_time():
    """Many short gaps do not displace an earlier one."""
    watch, times = TrailWatch(ALIAS, NOW), range(NOW + 10_000, NOW + KEPT_SECONDS + 10_000, 10_000)
    for at in times:
        watch, _ = after(watch, watch.seen_at + GAP_SECONDS + 1)
        watch, _ = after(watch._replace(seen_at=at), at)
    assert len(watch.gaps) == len(times) < MOST_KEPT
    assert watch.gaps[-1] == TrailGap(ALIAS, NOW, NOW + 10_000)
    watch, _ = after(watch, watch.seen_at + GAP_SECONDS + 1)
    watch, _ = after(watch._replace(seen_at=times[-1] + 10_000), times[-1] + 10_000)
    assert (watch.gaps[0].until, watch.gaps[-1].since) == (watch.seen_at, NOW + 10_000)


def test_aud_04_all_gaps_that_a_watch_keeps_fit_in_one_item_of_dynamodb():
    assert KEPT_SECONDS // GAP_SECONDS < MOST_KEPT
    assert len(json.dumps([[NOW, NOW + GAP_SECONDS]] * MOST_KEPT)) < 400 * 1024 // 2


@pytest.mark.parametrize(
    ("gap", "concerns"),
    [
        (TrailGap(ALIAS, NOW, NOW + 100), True),
        (TrailGap(BROKER, NOW, NOW + 100), True),
        (TrailGap("other", NOW, NOW + 100), False),
        (TrailGap(ALIAS, NOW - 500, None), True),
        (TrailGap(ALIAS, NOW - 5000, NOW + 50 - UNORDERED_SECONDS), True),
        (TrailGap(ALIAS, NOW - 5000, NOW + 49 - UNORDERED_SECONDS), False),
        (TrailGap(ALIAS, NOW + 60, NOW + 70), True),
        (TrailGap(ALIAS, NOW + 89 + UNORDERED_SECONDS, None), True),
        (TrailGap(ALIAS, NOW + 90 + UNORDERED_SECONDS, None), False),
    ],
)
def test_aud_04_a_gap_concerns_a_grant_of_its_target_and_time(gap: TrailGap, concerns: bool):
    assert gaps_during([gap, gap], ALIAS, NOW + 49, NOW + 90) == ((gap,) if concerns else ())


def test_aud_04_a_gap_is_said_in_words():
    missing = "Calls of that time, and of 15 minutes before and after, may be missing here."
    ended, lasting = TrailGap(ALIAS, NOW, NOW + 3600), TrailGap(BROKER, NOW)
    period = "from 2026-11-24T12:00:00Z to 2026-11-24T13:00:00Z"
    assert ended.sentence == f"CloudTrail was silent {period}, for target analytics-prod. {missing}"
    assert lasting.sentence == f"CloudTrail was silent since 2026-11-24T12:00:00Z, for Jitney's own account. {missing}"
