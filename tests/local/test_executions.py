"""The emulator's functions are processes, and their number follows from the machine's memory."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from local.emulator import executions, launch
from tests.running_systems import settings_in


@dataclass
class Idle:
    name: str
    last_used: float
    in_use: bool = False


@pytest.mark.parametrize(("megabytes", "most"), [(2_000, 64), (24_000, 85), (1_000_000, 1000)])
def test_functions_use_a_quarter_of_the_machines_memory(megabytes: int, most: int, tmp_path: Path):
    assert executions.most_executions(megabytes) == most
    limit = int(launch.environment(settings_in(tmp_path, "one"), 1)[executions.VARIABLE])
    assert 64 <= limit <= 1000


@pytest.mark.parametrize(("most", "ended"), [(4, ""), (3, ""), (2, "b"), (1, "bd"), (0, "bda")])
def test_processes_that_are_idle_longest_end_first_and_none_with_an_event(most: int, ended: str):
    workers = [Idle("a", 3), Idle("b", 1), Idle("c", 0, in_use=True), Idle("d", 2)]
    assert "".join(each.name for each in executions.surplus(workers, most)) == ended
