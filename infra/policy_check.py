"""`python -m infra.policy_check [jitney.yaml]`: whether the policies say what tests.yaml beside them expects.

The cases are decided with the configuration's own targets, limits and reviewers. Exits 1 when the configuration is
wrong, when a case fails, and when there is a policy that no case decides.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from core import config
from core.actions import Actions
from core.policy.cases import Setting, read_cases, run_cases
from core.policy.cedar import PolicySet
from infra.configuration import load_configuration

ROOT = Path(__file__).resolve().parent.parent
TABLE = "tests.yaml"


def check(path: Path, env: Mapping[str, str]) -> tuple[int, tuple[str, ...]]:
    """The number of cases beside the policies of the configuration at `path`, and what is wrong, a sentence each.

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
    return len(cases), run_cases(cases, setting).told(str(file))


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


def main(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Check the configuration that is named (default JITNEY_CONFIG, then jitney.yaml), and print what is found."""
    path = Path(arguments[0] if arguments else env.get("JITNEY_CONFIG") or ROOT / "jitney.yaml")
    try:
        count, wrong = check(path, env)
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    for sentence in wrong:
        print(sentence, file=sys.stderr)  # noqa: T201
    if not wrong:
        print(f"{count} cases pass, and decide every policy")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
