"""END 6: the times of two documents show that IAM denies an ended grant. A model knows the times of all documents."""

from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.access.document_times import CLOCK_SKEW_SECONDS, IN_FORCE_SECONDS, RECORDED_SECONDS, DocumentTimes
from tests.examples import examples
from tests.fakes import NOW

GAPS = st.lists(st.integers(0, 90), max_size=30)


@settings(max_examples=examples(300))
@given(GAPS, st.integers(-100, 2000), st.integers(0, 2000))
def test_end_06_what_is_covered_is_in_a_document_that_is_in_force(gaps: list[int], ended: int, asked: int):
    composed = [NOW + each for each in accumulate(gaps) if each <= asked]
    times = DocumentTimes()
    for each in composed:
        times = times.with_document(each)
    denied = any(NOW + ended + RECORDED_SECONDS <= each <= NOW + asked - IN_FORCE_SECONDS for each in composed)
    in_force_before = [each for each in composed if each <= NOW + asked - 2 * IN_FORCE_SECONDS]
    covered = times.covers(NOW + ended, NOW + asked)
    assert not covered or denied
    # At most one document's time later than the model, the times say so too.
    assert covered or not any(NOW + ended + RECORDED_SECONDS + IN_FORCE_SECONDS <= each for each in in_force_before)


def test_end_06_a_document_is_recent_unless_its_time_is_long_ago_or_ahead():
    times = DocumentTimes().with_document(NOW)
    asked = {NOW - CLOCK_SKEW_SECONDS - 1: False, NOW - CLOCK_SKEW_SECONDS: True, NOW + 60: True, NOW + 61: False}
    assert {now: times.is_recent(now, 60) for now in asked} == asked


def test_end_06_a_busy_role_covers_an_end_within_three_minutes():
    times = DocumentTimes()
    for now in range(NOW, NOW + 181):
        times = times.with_document(now)
    assert times.covers(NOW, NOW + 180)


def test_end_06_a_clock_that_is_ahead_covers_nothing():
    ahead = DocumentTimes().with_document(NOW + 86_400).with_document(NOW + 90_000)
    assert not ahead.covers(NOW - 3600, NOW)
    assert ahead.with_document(NOW) == ahead


def test_end_06_without_a_document_nothing_is_covered():
    assert not DocumentTimes().covers(NOW - 3600, NOW)
