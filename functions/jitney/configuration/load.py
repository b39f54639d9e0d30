"""Reads and checks `jitney.yaml`, and compiles it to `configuration.json`, which `jitney.core.config.load` reads.

All problems are reported together. Each has its file, line and path, what is wrong, and the fix.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from jitney.configuration.arns import boundary_arn, profile_policy_arn, role_arn
from jitney.configuration.broker_settings import BrokerSettings
from jitney.configuration.external_id import external_id
from jitney.configuration.key_sets import read_key_sets
from jitney.configuration.look_alikes import value_problems
from jitney.configuration.names import Names
from jitney.configuration.policies import NO_POLICIES, read_policies
from jitney.configuration.problems import format_problems, from_pydantic, placed
from jitney.configuration.references import ValidationContext
from jitney.configuration.settings import Settings, TargetSettings
from jitney.configuration.target_policies import deny_room, has_canary, policy_of
from jitney.configuration.values import SettingsModel
from jitney.configuration.yaml_source import ConfigurationProblem, Value, YamlSource, read
from jitney.core.access.request import permissions_view
from jitney.core.config import Policies
from jitney.core.identity.source_identity import source_identity

POLICIES, SHADOW = "policies", "shadow_policies"
LOCAL_BROKER = BrokerSettings(account="111122223333", region="eu-west-1")


class ConfigurationError(ValueError):
    """The configuration cannot be used. `problems` lists all problems, and the message shows them."""

    def __init__(self, file: Path, problems: Sequence[ConfigurationProblem]) -> None:
        self.problems = problems
        super().__init__(format_problems(file, problems))


@dataclass(frozen=True, slots=True)
class Configuration:
    """A checked configuration. `json` is for the functions.

    The other members are for the stacks: the settings, and the broker's account and Region.
    """

    settings: Settings
    broker: BrokerSettings
    json: str


def load_configuration(path: Path, env: Mapping[str, str], *, local: bool) -> Configuration:
    """Return the configuration in the YAML file at `path`. Raises `ConfigurationError`.

    `env` gives the values of `${VAR}`. If the file names no broker, `env` also gives its account and Region:
    CDK_DEFAULT_ACCOUNT and CDK_DEFAULT_REGION, which the CDK CLI sets. `local` is only for a system on the local
    machine, and admits http issuers.
    """
    source = _read(path, env)
    if source.problems and not source.value:  # they would cause every further problem
        raise ConfigurationError(path, placed(source))
    _add_broker(source.value, env, local=local)
    source.problems.extend(value_problems(source.value))
    names = Names.of(source.value)
    settings = _settings(source, ValidationContext(names, local=local))
    policies = _policies(path.parent, source, names, POLICIES)
    shadowed = isinstance(source.value, dict) and SHADOW in source.value
    shadow = _policies(path.parent, source, names, SHADOW) if shadowed else None
    key_sets, problems = read_key_sets(path.parent, settings) if settings else ({}, [])
    source.problems.extend(problems)
    if source.problems or settings is None:
        raise ConfigurationError(path, placed(source))
    broker = _broker(settings, path, local=local)
    return Configuration(settings, broker, _compiled(settings, broker, policies, shadow, key_sets, local=local))


def _read(path: Path, env: Mapping[str, str]) -> YamlSource:
    try:
        text = path.read_bytes().decode()  # read_text would make each carriage return a line break
    except (OSError, UnicodeDecodeError) as error:
        reason, fix = "it is not UTF-8 text", "save it as UTF-8"
        if isinstance(error, OSError):
            reason = str(error.strerror)
            fix = "go to the folder of jitney.yaml, or name the file in JITNEY_CONFIG (make: CONFIG=)"
        raise ConfigurationError(path, [ConfigurationProblem((), f"the file cannot be read: {reason}", fix)]) from error
    return read(text, env)


def _settings(source: YamlSource, context: ValidationContext) -> Settings | None:
    known = {each.path for each in source.problems}
    if () in known:
        return None
    try:
        return Settings.model_validate(source.value, context=context)
    except ValidationError as error:
        found = [(from_pydantic(details, Settings), details["type"]) for details in error.errors()]
        parts = {each.path[:length] for each, _ in found for length in range(len(each.path))}
        for each, kind in found:
            # pydantic also calls a list empty when it refused the only member. That member's problem is enough.
            if each.path not in known and not (kind == "too_short" and each.path in parts):
                source.problems.append(each)
        return None


def _policies(folder: Path, source: YamlSource, names: Names, key: str) -> Policies:
    found = source.value if isinstance(source.value, dict) else {}
    if any(each.path == (key,) for each in source.problems):  # it names no folder
        return NO_POLICIES
    others = [folder / str(found[other]) for other in (POLICIES, SHADOW) if other != key and other in found]
    policies, problems = read_policies(folder / str(found.get(key, POLICIES)), names, key, others)
    source.problems.extend(problems)
    return policies


def _add_broker(value: Value, env: Mapping[str, str], *, local: bool) -> None:
    """Add the CDK CLI's account and Region to a document without a broker, so that sections are checked with them."""
    account, region = env.get("CDK_DEFAULT_ACCOUNT"), env.get("CDK_DEFAULT_REGION")
    if isinstance(value, dict) and account and region and not local:
        value.setdefault("broker", {"account": account, "region": region})


def _broker(settings: Settings, path: Path, *, local: bool) -> BrokerSettings:
    if settings.broker:
        return settings.broker
    if local:
        return LOCAL_BROKER
    fix = "write broker: {account: ..., region: ...}, or run this through the CDK CLI with AWS credentials"
    problem = ConfigurationProblem(("broker",), "nothing says where the broker is deployed", fix)
    raise ConfigurationError(path, [problem])


def _compiled(
    settings: Settings,
    broker: BrokerSettings,
    policies: Policies,
    shadow: Policies | None,
    key_sets: Mapping[str, str],
    *,
    local: bool,
) -> str:
    """Return JSON with the fields of `jitney.core.config`'s values as members."""
    people = {person: _identity(settings, person) for person in settings.people}
    windows = {name: window.compiled() for name, window in settings.time_windows.items()}
    document = {
        **{name: section and section.model_dump() for name, section in settings.channels().items()},
        "issuers": [_issuer(settings, name, key_sets.get(name, "")) for name in settings.issuers],
        "targets": [_target(alias, settings, broker) for alias in settings.targets],
        "reviewers": {
            name: _with_identities(settings, group, "members", "notify", "delegates")
            for name, group in settings.reviewers.items()
        },
        "emails": {people[person]: address for person, address in settings.people.items()},
        "subjects": {identity: person.split("/", 1) for person, identity in people.items()},
        "break_glass": settings.break_glass and _with_identities(settings, settings.break_glass, "people", "notify"),
        "limits": settings.limits.model_dump(exclude={"call_limits"}),
        "operators": settings.operators,
        **({"time_windows": windows} if windows else {}),
        POLICIES: asdict(policies),
        SHADOW: shadow and asdict(shadow),
        "local": local,
    }
    return json.dumps(document, sort_keys=True, indent=1)


def _issuer(settings: Settings, name: str, key_set: str) -> dict[str, Any]:
    issuer = settings.issuers[name]
    people = settings.issuers.get(issuer.human_issuer)
    return {
        "name": name,
        "identity_name": _identity_name(settings, name),
        **issuer.model_dump(exclude={"jwks_file"}),
        "key_set": key_set,
        "owners": _owners(settings, issuer.issuer),
        "human_issuer": people and _people_issuer(settings, issuer.human_issuer),
    }


def _people_issuer(settings: Settings, alias: str) -> dict[str, Any]:
    entry = settings.issuers[alias]
    kept = {"issuer": entry.issuer, "provider": entry.provider, "subject_pattern": entry.subject_pattern}
    return {"identity_name": _identity_name(settings, alias), **kept}


def _owners(settings: Settings, issuer: str) -> dict[str, list[str]]:
    """Return the owners in all entries of the issuer, by subject. A subject is the same agent in every entry."""
    found: dict[str, dict[str, None]] = {}
    for entry in settings.issuers.values():
        for subject, people in entry.owners.items() if entry.issuer == issuer else ():
            found.setdefault(subject, {}).update(dict.fromkeys(_identity(settings, person) for person in people))
    return {subject: list(people) for subject, people in found.items()}


def _identity_name(settings: Settings, alias: str) -> str:
    """Return the alias of the first entry that has the same issuer as this entry."""
    issuer = settings.issuers[alias].issuer
    return next(name for name, entry in settings.issuers.items() if entry.issuer == issuer)


def _identity(settings: Settings, person: str) -> str:
    """Return the source identity of a person who is written as issuer alias/subject."""
    alias, _, subject = person.partition("/")
    return source_identity(_identity_name(settings, alias), settings.issuers[alias].issuer, subject)


def _with_identities(settings: Settings, section: SettingsModel, *members: str) -> dict[str, Any]:
    people = {name: [_identity(settings, person) for person in getattr(section, name)] for name in members}
    return section.model_dump() | people


def _target(alias: str, settings: Settings, broker: BrokerSettings) -> dict[str, Any]:
    target = settings.targets[alias]
    own = {"role_name", "policy", "managed_policy", "access_profiles", "call_limits", "in_broker_account"}
    kept = target.model_dump(exclude=own)
    derived = {
        "external_id": external_id(alias, target, broker.account),
        "role_arn": role_arn(target),
        "boundary_arn": boundary_arn(alias, target),
        "deny_room": deny_room(target),
        "canary": has_canary(target),
        "access_profiles": {name: _profile(alias, target, name) for name in target.access_profiles},
        "call_limits": settings.limits.call_limits.model_dump() | target.call_limits.model_dump(exclude_unset=True),
    }
    return {"alias": alias, **derived, **kept}


def _profile(alias: str, target: TargetSettings, name: str) -> dict[str, Any]:
    policy = policy_of(target, name)
    return {
        "permissions": permissions_view(policy.permissions),
        "content": policy.content,
        "policy_arn": profile_policy_arn(alias, target, name, policy.content),
    }
