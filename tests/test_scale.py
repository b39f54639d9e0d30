"""The simulation of docs/scale.md: it has the tasks of its workload, and its peaks are those of single seconds."""

from dataclasses import replace
from random import Random

import pytest

from benchmarks.scale import DAY_SECONDS, FLOWS, WORKLOAD, Quota, reached, simulated

AGENTS = 20
TASKS = AGENTS * 6 * 10
"""Six tasks an hour, for ten hours."""


@pytest.mark.parametrize(
    ("workload", "counts"),
    [
        (replace(WORKLOAD, reviewed=0, through_gateway=0, released=1, key_seconds=3601), {"request": 1, "release": 1}),
        (
            replace(WORKLOAD, reviewed=1, through_gateway=1, released=0, calls_per_task=3, writing=1),
            {"review": 1, "gateway_write": 3},
        ),
        (
            replace(WORKLOAD, reviewed=0, through_gateway=1, released=0, calls_per_task=2, writing=0),
            {"request": 1, "gateway_read": 2},
        ),
    ],
    ids=["keys", "writes", "reads"],
)
def test_each_task_has_its_flows_in_the_hours_of_work(workload, counts: dict[str, int]):
    seconds = simulated(workload, AGENTS, Random(1))
    assert {flow: sum(seconds[flow]) for flow in FLOWS if any(seconds[flow])} == {
        flow: TASKS * count for flow, count in counts.items()
    }
    starts = seconds["request" if "request" in counts else "review"]
    busy = [second for second in range(DAY_SECONDS) if starts[second]]
    assert workload.work_begins <= busy[0] <= busy[-1] < workload.work_ends


def test_schedules_start_their_tasks_in_the_first_minute_of_an_hour():
    seconds = simulated(replace(WORKLOAD, reviewed=0, on_the_hour=1), AGENTS, Random(1))
    assert all(second % 3600 <= 60 for second in range(DAY_SECONDS) if seconds["request"][second])


def test_a_long_task_renews_its_keys():
    seconds = simulated(replace(WORKLOAD, through_gateway=0, task_seconds=10**9), AGENTS, Random(1))
    assert sum(seconds["renewal"]) == TASKS * (3600 // WORKLOAD.key_seconds)


def test_a_quota_is_compared_with_the_busiest_second_of_all_flows_together():
    seconds = {flow: [0] * DAY_SECONDS for flow in FLOWS}
    seconds["request"][7], seconds["release"][7], seconds["renewal"][8] = 3, 2, 4
    uses = {"request": 1.0, "release": 2.0, "renewal": 1.0}
    quota = Quota("calls", 14, lambda flow, _: uses.get(flow, 0.0))
    counted = {flow: {} for flow in FLOWS}
    assert reached(quota, counted, seconds) == {"limit_per_second": 14, "peak_per_second": 7.0, "agents": 20_000}
