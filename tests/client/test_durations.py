"""Durations on the command line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitney.client.terminal.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("5m", 300), ("1h30m", 5400), ("1h5s", 3605), ("2m30s", 150), ("0h1s", 1)],
)
def test_a_duration_is_seconds(text: str, seconds: int):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "300", "2m30", "0m", "m", "-5", "5 m", "5M", "1m1h", "1.5h", "٣m", "99999999", "5m\n", "1d"]
)
def test_anything_else_is_refused(text: str):
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@given(st.integers(1, 10**7 - 1))
def test_a_written_duration_reads_back(seconds: int):
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.text(max_size=12))
def test_any_text_is_a_positive_duration_or_refused(text: str):
    try:
        assert parse_duration(text) >= 1
    except ValueError as error:
        assert repr(text) in str(error)


def test_no_time_is_zero_seconds():
    assert format_duration(0) == "0s"
