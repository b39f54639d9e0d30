import pytest

from jitney.adapters import clock


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The longest times of the pauses before a repeated read or write. No test waits for them."""
    longest: list[float] = []
    monkeypatch.setattr(clock, "pause_up_to", longest.append)
    return longest
