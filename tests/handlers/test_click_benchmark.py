"""The benchmark of reviewers' clicks uses this room's systems, so their names may not change without it."""

import pytest

from benchmarks import review_handlers


@pytest.mark.parametrize("channel", [review_handlers._in_slack, review_handlers._on_the_page])
def test_each_measured_click_is_answered(channel):
    for prepare in channel().values():
        prepare()()
