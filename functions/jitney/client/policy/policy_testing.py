"""Tests policies with the broker's own code against the table of cases beside the policies."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jitney.client.policy.policy_access import CONFIGURATION, policy_module


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """The results of the cases in `table`: the differences in each case, and the policies that no case tests."""

    table: str
    cases: Sequence[tuple[str, Sequence[str]]]
    untested: Sequence[str]

    @property
    def passed(self) -> bool:
        """Whether every case passes and every policy decides at least one case."""
        return not self.untested and not any(differences for _, differences in self.cases)

    def document(self) -> dict[str, Any]:
        """Return the test as JSON."""
        cases = [{"name": name, "passed": not wrong, "differences": list(wrong)} for name, wrong in self.cases]
        return {"passed": self.passed, "table": self.table, "cases": cases, "untested": list(self.untested)}


def decide_cases(config: Path | None) -> PolicyTest:
    """Decide the cases of the configuration `config`. None means jitney.yaml in the working directory.

    Raises Invalid when the extra is not installed, or when the configuration, a policy or the table is invalid.
    """
    file = config or CONFIGURATION
    with policy_module(file, "The policies could not be tested") as module:
        table, report = module.run_policy_cases(file, os.environ)
    cases = [(each.name, each.differences) for each in report.outcomes]
    return PolicyTest(str(table), cases, report.untested)
