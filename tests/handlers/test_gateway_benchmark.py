"""What a call through the gateway costs: AWS calls, units and dollars, as the benchmark counts them (row OPS 3)."""

from typing import Any

import pytest

from benchmarks.gateway import counted_calls, dollars, upstream

CPU_SECONDS = 0.005
"""Of a call with 1 kB. `make bench` measured less than half."""


@pytest.fixture(scope="module")
def counted(monkeypatch_module: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    with upstream() as url:
        return counted_calls(url)


@pytest.fixture(scope="module")
def monkeypatch_module():
    """Restore the environment, where the benchmark sets keys for moto."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
            patch.setenv(name, "x")
        yield patch


@pytest.mark.parametrize(
    ("kind", "calls", "units", "most"), [("read", 2, (5, 4), 10), ("write", 4, (15, 4), 16)], ids=["read", "write"]
)
def test_ops_03_a_warm_call_costs_no_more_than_promised(
    counted: dict[str, dict[str, Any]], kind: str, calls: int, units: tuple[int, int], most: int
):
    found = counted[kind]
    assert sum(found["calls"].values()) == calls
    assert (found["units"]["write"], found["units"]["read"]) == units
    assert dollars(found, CPU_SECONDS)["all"] <= most
