"""Each problem code and each metric is named by a test, so that none can be lost without a failure."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from jitney.core.problems import PROBLEMS
from jitney.core.records import audit, gauges, record_metrics

TESTS = Path(__file__).resolve().parent
_METRIC = re.compile(r"([A-Z][a-z]+){1,5}")
NO_METRIC = {"METRICS_NAMESPACE"}


@cache
def words() -> frozenset[str]:
    """Return the words of all other tests. A helper of tests counts, too."""
    files = [path for path in TESTS.rglob("*.py") if "node_modules" not in path.parts and path != Path(__file__)]
    return frozenset(word for path in files for word in re.findall(r"\w+", path.read_text("utf-8")))


def metrics(modules: Iterable[ModuleType]) -> dict[str, str]:
    """Return the metrics of the modules: the name of each constant, and its value."""
    constants = {name: value for module in modules for name, value in vars(module).items() if name.isupper()}
    named = {name: value for name, value in constants.items() if type(value) is str and _METRIC.fullmatch(value)}
    return {name: value for name, value in named.items() if name not in NO_METRIC}


METRICS = metrics((audit, gauges, record_metrics))


def test_the_table_finds_metrics_and_codes():
    assert len(METRICS) >= 25
    assert {"BYPASSES", "PENDING_REVIEWS", "TIME_TO_DENY", "TARGET_HEARTBEATS"} <= METRICS.keys()
    assert len(PROBLEMS) >= 80


@pytest.mark.parametrize("name", METRICS)
def test_ops_each_metric_is_named_by_a_test(name: str):
    assert {name, METRICS[name]} & words()


@pytest.mark.parametrize("code", PROBLEMS)
def test_ops_each_problem_code_is_named_by_a_test(code: str):
    assert code in words()
