"""Signals that arrive at any moment end a process that serves."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from jitney.client.background import process
from jitney.client.commands import serve
from jitney.client.processes.end_flag import EndFlag

WAITING = ("threading.py", "queue.py", "end_flag.py")


@contextmanager
def signalled_at(place: int) -> Iterator[None]:
    """Send a signal to this process before line number `place` of a wait, and others later."""
    left, alarms = place, 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        if event == "line" and frame.f_code.co_filename.endswith(WAITING) and frame.f_code.co_name == "wait":
            left -= 1
            if left == -1:
                signal.raise_signal(signal.SIGTERM)
        return trace

    def later(*_: Any) -> None:
        nonlocal alarms
        alarms += 1
        if alarms > 3:
            raise AssertionError("no signal ended the wait")
        signal.raise_signal(signal.SIGTERM)

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    traced = sys.gettrace()
    try:
        signal.signal(signal.SIGALRM, later)
        signal.setitimer(signal.ITIMER_REAL, 0.2, 0.2)
        sys.settrace(trace)
        yield
    finally:
        sys.settrace(traced)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize("place", range(8))
def test_end_01_a_signal_at_any_moment_of_its_wait_ends_a_background_endpoint(place: int):
    service: Any = SimpleNamespace(ended=process.BackgroundService(SimpleNamespace(), lambda _: {}).ended)  # type: ignore[arg-type]
    with signalled_at(place):
        process._until_ended(service, lambda: True, None)


@pytest.mark.parametrize("place", range(8))
def test_end_01_a_signal_at_any_moment_of_its_wait_ends_serve(place: int, capsys: pytest.CaptureFixture[str]):
    served: Any = SimpleNamespace(start=lambda: None, variables=dict, grant=SimpleNamespace(id="g"), port=1)
    with signalled_at(place):
        serve._serve(served, as_json=True)
    assert "press Ctrl+C" in capsys.readouterr().err


def test_a_flag_stays_set():
    flag = EndFlag()
    assert not flag.wait(0)
    flag.set()
    assert flag.wait()
    assert flag.wait(0)
