"""Time limits grow with the machine's load."""

import os
from pathlib import Path

import pytest

from local import timeouts
from local.timeouts import Countdown, scaled_timeout


@pytest.mark.parametrize(
    ("average", "runnable", "nice", "seconds"),
    [
        (0.0, 0, 0, 3),
        (4.0, 1, 0, 3),
        (8.0, 1, 0, 6),
        (40.0, 1, 0, 30),
        (0.0, 40, 0, 30),
        (8.0, 1, 10, 6 * 1.25**10),
        (40.0, 1, -5, 30),
    ],
)
def test_a_limit_grows_with_load_and_niceness_and_never_shrinks(
    average: float, runnable: int, nice: int, seconds: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    load = tmp_path / "loadavg"
    load.write_text(f"{average} 1.24 2.03 {runnable}/262 1234\n", encoding="ascii")
    monkeypatch.setattr(timeouts, "_LOAD_FILE", load)
    monkeypatch.setattr(os, "getloadavg", lambda: (average, 0.0, 0.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "nice", lambda _: nice)
    assert scaled_timeout(3) == pytest.approx(seconds)


def test_the_average_load_is_used_where_there_is_no_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(timeouts, "_LOAD_FILE", tmp_path / "missing")
    monkeypatch.setattr(os, "getloadavg", lambda: (8.0, 0.0, 0.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "nice", lambda _: 0)
    assert scaled_timeout(3) == 6


@pytest.mark.parametrize(
    ("slowdowns", "left"), [([1, 1, 1], [4, 3, 2]), ([4, 1, 1], [4.75, 3.75, 2.75]), ([1, 2, 10], [4, 3.5, 3.4])]
)
def test_a_countdown_slows_down_with_load_that_arrives_late(
    slowdowns: list[float], left: list[float], monkeypatch: pytest.MonkeyPatch
):
    moments, loads = iter(range(10)), iter(slowdowns)
    monkeypatch.setattr(timeouts, "_slowdown", lambda: next(loads))
    countdown = Countdown(5, lambda: next(moments))
    assert [countdown.left() for _ in slowdowns] == pytest.approx(left)
