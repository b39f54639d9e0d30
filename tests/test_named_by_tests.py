"""Each problem code and each metric is named by a test, so that none can be lost without a failure.

Each requirement that a slow test proves is also proved by a quicker test.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from jitney.core.problems import PROBLEMS
from jitney.core.records import audit, gauges, record_metrics

TESTS = Path(__file__).resolve().parent
_METRIC = re.compile(r"([A-Z][a-z]+){1,5}")
_PROOF = re.compile(r"test_([a-z]+_\d\d)_")
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


def proofs(path: Path) -> Iterator[tuple[str, bool]]:
    """Return the requirement of each test of a module, such as `sts_06`, and whether the test is slow."""
    module = ast.parse(path.read_text("utf-8"))
    marks = [
        node for node in module.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
    ]
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and (named := _PROOF.match(node.name)):
            yield named[1], any("pytest.mark.slow" in ast.unparse(each) for each in (*marks, *node.decorator_list))


def test_ops_each_requirement_of_a_slow_test_is_proved_by_a_quicker_one():
    found = [proof for path in TESTS.rglob("test_*.py") if "node_modules" not in path.parts for proof in proofs(path)]
    slow, quick = ({requirement for requirement, is_slow in found if is_slow is each} for each in (True, False))
    assert len(slow) > 20
    assert slow - quick == set()
