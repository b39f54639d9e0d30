"""pytest-xdist's workers run tests that belong together in one worker, and wait and compute at the same time.

They report only what pytest shows.
"""

from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import conftest
from tests.scheduling import FIRST, LONG, Scheduling

ROOT = Path(__file__).parents[1]
COLLECTED = [
    "tests/core/test_times.py::test_a",
    "tests/core/test_times.py::TestB::test_b[a@b]",
    "tests/core/access/test_exactness.py::test_c",
    "tests/infra/test_app.py::test_d@cdk",
    "tests/infra/test_cost.py::test_e@cdk",
    "tests/client/test_cli.py::test_f",
    "tests/local/test_demo.py::test_g@deny-document",
    "tests/system/test_integrity.py::test_h@deny-document",
]


class Worker:
    """A worker that keeps the numbers of the tests that it was sent."""

    def __init__(self) -> None:
        self.sent: list[list[int]] = []
        self.shutting_down = False
        self.gateway = SimpleNamespace(id="gw")

    def send_runtest_some(self, numbers: list[int]) -> None:
        self.sent.append(numbers)

    def shutdown(self) -> None:
        self.shutting_down = True


def flat[T](groups: list[list[T]]) -> list[T]:
    return list(chain.from_iterable(groups))


def run(workers: int) -> list[list[list[str]]]:
    """Return for each worker the groups of tests that it is sent, if all tests take the same time."""
    option: Any = SimpleNamespace(loadscopereorder=True)
    config: Any = SimpleNamespace(option=option, getvalue=lambda name: ["popen"] * workers)
    scheduling = Scheduling(config)
    nodes: list[Any] = [Worker() for _ in range(workers)]
    for node in nodes:
        scheduling.add_node(node)
        scheduling.add_node_collection(node, COLLECTED)
    scheduling.schedule()
    for step in range(len(COLLECTED)):
        for node in nodes:
            for number in flat(node.sent)[step : step + 1]:
                scheduling.mark_test_complete(node, number)
    assert not scheduling.has_pending
    return [[[COLLECTED[number] for number in numbers] for numbers in node.sent] for node in nodes]


def test_every_test_runs_once_and_what_belongs_together_runs_in_one_worker():
    sent = flat(run(2))
    assert sorted(flat(sent)) == sorted(COLLECTED)
    assert COLLECTED[:2] in sent
    assert COLLECTED[3:5] in sent


def test_one_worker_begins_with_what_waits_and_the_other_with_what_computes_in_the_given_order():
    waiting, computing = run(2)
    assert waiting[:2] == [[COLLECTED[7], COLLECTED[6]], [COLLECTED[5]]]
    assert computing[:2] == [COLLECTED[3:5], [COLLECTED[2]]]


def test_a_worker_alone_runs_all():
    (sent,) = run(1)
    assert sorted(flat(sent)) == sorted(COLLECTED)


def test_the_named_modules_exist():
    assert [name for name in (*LONG, *FIRST) if name.endswith(".py") and not (ROOT / name).is_file()] == []


MADE = ["passed setup", "failed setup", "passed call", "skipped call", "passed teardown", "failed teardown"]
SHOWN = ["failed setup", "passed call", "skipped call", "failed teardown"]


@pytest.mark.parametrize(
    ("options", "reported"),
    [
        ({}, SHOWN),
        ({"verbose": -1}, SHOWN),
        ({"verbose": 1}, None),
        ({"maxfail": 1}, None),
        ({"durations": 10}, None),
        ({"xmlpath": "junit.xml"}, None),
    ],
)
def test_a_worker_reports_what_is_shown_and_everything_if_an_option_needs_it(
    monkeypatch, options: dict[str, Any], reported: list[str] | None
):
    made = [SimpleNamespace(when=each.split()[1], passed=each.startswith("passed"), name=each) for each in MADE]
    sent: list[str] = []
    monkeypatch.setattr(conftest, "runtestprotocol", lambda item, log, nextitem: made)
    option = SimpleNamespace(**({"verbose": 0, "maxfail": 0, "durations": None, "xmlpath": None} | options))
    hooks = SimpleNamespace(pytest_runtest_logreport=lambda report: sent.append(report.name))
    item: Any = SimpleNamespace(config=SimpleNamespace(option=option, workerinput={}), ihook=hooks)
    assert conftest.pytest_runtest_protocol(item, None) is (True if reported else None)
    assert sent == (reported or [])
