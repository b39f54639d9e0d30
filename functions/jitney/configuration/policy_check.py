"""Tests the policies against their tests.yaml with the configuration's targets, limits and reviewers.

The command `jitney policy test` (jitney.client.policy.policy_testing) shows the results.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import cedarpy

from jitney.configuration.action_table import action_table
from jitney.configuration.load import ConfigurationError, load_configuration
from jitney.configuration.names import Names
from jitney.configuration.policies import PolicySource, policy_sources, read_policies
from jitney.configuration.policy_table import TABLE, case_of, cases_in
from jitney.configuration.problems import place_of
from jitney.configuration.settings import Settings
from jitney.configuration.yaml_source import read
from jitney.core import config
from jitney.core.access.decision import Effect
from jitney.core.identity.principal_mapping import visible_claims
from jitney.core.policy.cedar import PolicySet
from jitney.core.policy.policy_tests import Case, CaseContext, CaseReport, run_cases


class LoadedPolicies(NamedTuple):
    """A configuration, and its policies ready to decide. `folder` holds their files, which may use `names`."""

    folder: Path
    context: CaseContext
    names: Names
    config: config.Config
    settings: Settings


class ConfigurationDigests(NamedTuple):
    """The digest of a configuration, and the versions of its policies, "" for none, as records have them."""

    configuration: str
    policy_version: str
    shadow_policy_version: str


def digests(path: Path, env: Mapping[str, str]) -> ConfigurationDigests:
    """Return the digests of the configuration at `path`, as it would be deployed to AWS. Raises ConfigurationError."""
    loaded = config.load(load_configuration(path, env, local=False).json)
    shadow = loaded.shadow_policies
    return ConfigurationDigests(loaded.digest, loaded.policies.version, shadow.version if shadow else "")


def load_policies(path: Path, env: Mapping[str, str]) -> LoadedPolicies:
    """Return the policies of the configuration at `path`, with its targets, limits and reviewers.

    Raises ConfigurationError.
    """
    # A local configuration also admits http issuers, which make no difference to policies.
    configuration = load_configuration(path, env, local=True)
    loaded = config.load(configuration.json)
    context = CaseContext(
        policy_set=PolicySet.load(loaded.policies),
        actions=action_table(),
        targets=loaded.targets,
        limits=loaded.limits,
        reviewers=frozenset(loaded.reviewers),
        claims={name: kind for issuer in loaded.issuers.values() for name, kind in visible_claims(issuer).items()},
        time_windows=loaded.time_windows,
    )
    settings = configuration.settings
    return LoadedPolicies(path.parent / settings.policies, context, _names_in(path, env), loaded, settings)


def run_policy_cases(path: Path, env: Mapping[str, str]) -> tuple[Path, CaseReport]:
    """Return the table of the policies of the configuration at `path`, and the results of its cases.

    Raises ConfigurationError for the configuration, and for a table that cannot be read.
    """
    loaded = load_policies(path, env)
    return loaded.folder / TABLE, run_cases(read_cases(loaded, env), loaded.context)


def sources_of(loaded: LoadedPolicies) -> dict[str, PolicySource]:
    """Return the source of each policy, by its @id."""
    return policy_sources(loaded.folder)


def changed_policies(old: LoadedPolicies, new: LoadedPolicies) -> list[Mapping[str, Any]]:
    """Return the policies whose text is in only one of the versions, in Cedar's JSON form."""
    versions = [{name: source.text for name, source in sources_of(each).items()} for each in (old, new)]
    pairs = (versions, versions[::-1])
    changed = [text for own, other in pairs for name, text in own.items() if other.get(name) != text]
    document = json.loads(cedarpy.policies_to_json_str("\n".join(changed))) if changed else {"staticPolicies": {}}
    return list(document["staticPolicies"].values())


def permits_of(*versions: LoadedPolicies) -> list[Mapping[str, Any]]:
    """Return the permits of all versions, each text once, in Cedar's JSON form."""
    texts = dict.fromkeys(source.text for each in versions for source in sources_of(each).values())
    documents = json.loads(cedarpy.policies_to_json_str("\n".join(texts)))["staticPolicies"].values()
    return [each for each in documents if each["effect"] == "permit"]


def text_problems(path: Path, env: Mapping[str, str], text: str) -> list[str]:
    """Return the problems of `text` as the only file of policies of the valid configuration at `path`."""
    names = _names_in(path, env)
    with TemporaryDirectory() as folder:
        Path(folder, "policies.cedar").write_text(text, encoding="utf-8")
        _, problems = read_policies(Path(folder), names)
    return [f"{each.wrong}: {each.fix}" for each in problems]


def request_case(loaded: LoadedPolicies, members: Mapping[str, Any]) -> Case:
    """Return a request as a case. `members` are those of an entry in the table, without an expectation.

    Raises ConfigurationError with the problems of the members.
    """
    found = case_of({"name": "this request", "effect": str(Effect.ALLOW), **members}, loaded.names)
    if isinstance(found, Case):
        return found
    raise ConfigurationError(loaded.folder / TABLE, found)


def read_cases(loaded: LoadedPolicies, env: Mapping[str, str]) -> tuple[Case, ...]:
    """Return the cases of the table beside the policies. Raises ConfigurationError."""
    return cases_in(loaded.folder / TABLE, env, loaded.names)


def _names_in(path: Path, env: Mapping[str, str]) -> Names:
    return Names.of(read(path.read_text(encoding="utf-8"), env).value)


def problem_documents(file: Path, error: ConfigurationError) -> list[dict[str, str]]:
    """Return the errors in `file`: the place of each (`pointer`), what is wrong (`detail`) and the `fix`."""
    return [{"pointer": place_of(file, each).strip(), "detail": each.wrong, "fix": each.fix} for each in error.problems]
