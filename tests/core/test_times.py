"""Times as they are written and read (row AUD 3: events are joined by their time)."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitney.core.times import epoch, iso, utc_date
from tests.examples import examples


def test_aud_03_a_time_is_written_to_the_second_in_utc():
    assert iso(1_795_694_700) == "2026-11-26T12:05:00Z"


def test_aud_03_a_day_ends_at_midnight_in_utc():
    assert [utc_date(1_795_737_600 + each) for each in (-1, 0)] == [date(2026, 11, 26), date(2026, 11, 27)]


@settings(max_examples=examples(200))
@given(st.integers(0, 253_402_300_799))
def test_aud_03_a_written_time_is_read_back_unchanged(seconds: int):
    assert epoch(iso(seconds)) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-26",
        "2026-11-26T12:05:00",
        "2026-11-26T12:05:00+00:00",
        "2026-11-26T12:05:00.000Z",
        "2026-11-26 12:05:00Z",
        "2026-11-26t12:05:00Z",
        "20261126T120500Z",
        "2026-1-2T3:4:5Z",
        "2026-W48-4T12:05:00Z",
        "2026-02-30T12:05:00Z",
        "2026-11-26T24:00:00Z",
        "2026-11-26T12:05:60Z",
        "2026-11-26T12:05:00Z\n",
        "2026-11-26T12:05:0\u0660Z",
        "\ud800",
    ],
)
def test_aud_03_other_texts_are_not_times(text: str):
    with pytest.raises(ValueError, match=r"."):
        epoch(text)
