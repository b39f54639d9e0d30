"""OPS 4: every check runs against the emulator. What it cannot answer is unverified, and what it shows is known."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.check import CheckState, run_check
from conformance.emulated import emulated_system
from conformance.report import known_facts
from conformance.system import ConformanceSystem
from conformance.table import CHECKS
from local.progress import Progress
from tests.running_systems import RUN_VARIABLE, settings_in

pytestmark = [pytest.mark.xdist_group("conformance"), pytest.mark.slow]


@pytest.fixture(scope="module")
def system() -> Iterator[ConformanceSystem]:
    with emulated_system(settings_in(Path(os.environ[RUN_VARIABLE]), "conformance"), Progress()) as system:
        yield system


def test_ops_04_every_check_runs_in_the_emulator_and_shows_what_is_kept(system: ConformanceSystem):
    results = [run_check(each, system) for each in CHECKS]
    assert [f"{each.check.name}: {each.reason}" for each in results if each.state is CheckState.FAILED] == []
    unverified = {each.check.name for each in results if each.state is CheckState.UNVERIFIED}
    assert unverified == {each.name for each in CHECKS if each.only_aws}
    seen = {each.check.name: dict(each.observation.facts) for each in results if each.observation.facts}
    assert seen == known_facts()  # python -m conformance --keep
