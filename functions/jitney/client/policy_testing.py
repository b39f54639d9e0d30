"""Testing policies with the broker's own code and the table of cases beside the policies."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jitney.client.optional import load_extra
from jitney.client.problems import Invalid


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """What came of the cases in `table`: each case's name with how it differs, and policies that no case decides."""

    table: str
    cases: Sequence[tuple[str, Sequence[str]]]
    untested: Sequence[str]

    @property
    def passed(self) -> bool:
        """Whether every case passes and every policy decides one."""
        return not self.untested and not any(differences for _, differences in self.cases)

    def document(self) -> dict[str, Any]:
        """The test as JSON."""
        cases = [{"name": name, "passed": not wrong, "differences": list(wrong)} for name, wrong in self.cases]
        return {"passed": self.passed, "table": self.table, "cases": cases, "untested": list(self.untested)}


def decide_cases(config: Path | None) -> PolicyTest:
    """Decide the cases of the configuration `config`, jitney.yaml in the working directory for None.

    Raises Invalid: no such extra, or a configuration, a policy or a table that cannot be used.
    """
    tester = load_extra("jitney.configuration.policy_check", "policy", "Nothing could be tested")
    file = config or Path("jitney.yaml")
    try:
        table, report = tester.run_policy_cases(file, os.environ)
    except tester.ConfigurationError as error:
        faults = {"errors": tester.problem_documents(file, error)}
        raise Invalid("configuration_invalid", "Nothing could be tested", f"{file} is wrong.", "", faults) from error
    cases = [(each.name, each.differences) for each in report.outcomes]
    return PolicyTest(str(table), cases, report.untested)
