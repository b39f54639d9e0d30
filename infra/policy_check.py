"""Whether the policies say what tests.yaml beside them expects, with the configuration's targets, limits and reviewers.

`jitney policy test` tells it (client.policy_testing).
"""

from collections.abc import Mapping
from pathlib import Path

import yaml

from core import config
from core.actions import Actions
from core.policy.cases import Case, Report, Setting, read_cases, run_cases
from core.policy.cedar import PolicySet
from infra.complaints import place_of
from infra.configuration import ConfigurationError, load_configuration
from infra.yaml_source import Complaint

ROOT = Path(__file__).resolve().parent.parent
TABLE = "tests.yaml"


def check(path: Path, env: Mapping[str, str]) -> tuple[Path, Report]:
    """The table beside the policies of the configuration at `path`, and what came of its cases.

    Raises ConfigurationError for the configuration, and for a table that cannot be read.
    """
    # What is admitted on one's own machine alone (http issuers) makes no difference to the policies.
    configuration = load_configuration(path, env, local=True)
    loaded = config.load(configuration.json)
    file = path.parent / configuration.settings.policies / TABLE
    cases = _cases(file)
    setting = Setting(
        policy_set=PolicySet.load(loaded.policies),
        actions=Actions.load((ROOT / "functions" / "core" / "actions.bin").read_bytes()),
        targets=loaded.targets,
        limits=loaded.limits,
        reviewers=frozenset(loaded.reviewers),
    )
    return file, run_cases(cases, setting)


def faults_of(file: Path, error: ConfigurationError) -> list[dict[str, str]]:
    """What `check` of `file` found wrong: each fault's place (`pointer`), what is wrong (`detail`), and the `fix`."""
    return [
        {"pointer": place_of(file, each).strip(), "detail": each.wrong, "fix": each.fix} for each in error.complaints
    ]


def _cases(file: Path) -> tuple[Case, ...]:
    try:
        return read_cases(yaml.safe_load(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise _unreadable(file, f"there are no cases: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise _unreadable(file, f"this is not YAML: {error}") from error
    except ValueError as error:
        raise _unreadable(file, str(error)) from error


def _unreadable(file: Path, wrong: str) -> ConfigurationError:
    fix = f"Jitney's own policies/{TABLE} shows how cases are written"
    return ConfigurationError(file, [Complaint((), wrong, fix, place=str(file))])
