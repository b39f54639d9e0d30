"""Time limits on a busy machine."""

import os

import pytest

from local.timeouts import scaled_timeout


@pytest.mark.parametrize(("load", "seconds"), [(0.0, 3), (4.0, 3), (8.0, 6), (40.0, 30)])
def test_a_limit_is_longer_by_as_much_as_the_machine_has_to_do_and_never_shorter(
    load: float, seconds: float, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert scaled_timeout(3) == seconds
