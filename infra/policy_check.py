"""Whether the policies say what tests.yaml beside them expects, with the configuration's targets, limits and reviewers.

`jitney policy test` tells it (client.policy_testing).
"""

from collections.abc import Mapping
from pathlib import Path

import yaml

from core import config
from core.actions import Actions
from core.policy.cases import Report, Setting, read_cases, run_cases
from core.policy.cedar import PolicySet
from infra.configuration import load_configuration

ROOT = Path(__file__).resolve().parent.parent
TABLE = "tests.yaml"


def check(path: Path, env: Mapping[str, str]) -> tuple[Path, Report]:
    """The table beside the policies of the configuration at `path`, and what came of its cases.

    Raises ConfigurationError for the configuration, and ValueError for a table that cannot be read.
    """
    # What is admitted on one's own machine alone (http issuers) makes no difference to the policies.
    configuration = load_configuration(path, env, local=True)
    loaded = config.load(configuration.json)
    file = path.parent / configuration.settings.policies / TABLE
    try:
        cases = read_cases(_table(file))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
    setting = Setting(
        policy_set=PolicySet.load(loaded.policies),
        actions=Actions.load((ROOT / "functions" / "core" / "actions.bin").read_bytes()),
        targets=loaded.targets,
        limits=loaded.limits,
        reviewers=frozenset(loaded.reviewers),
    )
    return file, run_cases(cases, setting)


def _table(file: Path) -> dict[str, object]:
    try:
        table: dict[str, object] = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(
            f"there are no cases: {error.strerror}; Jitney's policies/{TABLE} shows how to write them"
        ) from error
    except yaml.YAMLError as error:
        raise ValueError(f"this is not YAML: {error}") from error
    return table
