"""`jitney.yaml` read, checked and compiled to the `configuration.json` that `jitney.core.config.load` reads.

Everything that is wrong is said at once: file and line, path, what is wrong, and the fix.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from jitney.configuration.arns import boundary_arn, role_arn
from jitney.configuration.break_glass import break_glass_checks, people_of_break_glass
from jitney.configuration.external_id import external_id
from jitney.configuration.owners import owner_checks, owners_of, people_who_own
from jitney.configuration.policies import read_policies
from jitney.configuration.policy_references import Names
from jitney.configuration.problems import did_you_mean, format_problems, from_pydantic, placed
from jitney.configuration.settings import BrokerSettings, ReviewerGroupSettings, Settings, TargetSettings
from jitney.configuration.slack import slack_checks
from jitney.configuration.target_policies import deny_room, has_canary
from jitney.configuration.yaml_source import ConfigurationProblem, Value, YamlSource, entries, read
from jitney.core.config import Policies
from jitney.core.identity.source_identity import source_identity

GROUP_PEOPLE_KEYS = ("members", "told", "delegates")
LOCAL_BROKER = BrokerSettings(account="111122223333", region="eu-west-1")


class ConfigurationError(ValueError):
    """The configuration cannot be used. `complaints` holds each thing that is wrong; the message tells them all."""

    def __init__(self, file: Path, complaints: Sequence[ConfigurationProblem]) -> None:
        self.complaints = complaints
        super().__init__(format_problems(file, complaints))


@dataclass(frozen=True, slots=True)
class Configuration:
    """A checked configuration: for the stacks the settings and where the broker is, and `json` for the functions."""

    settings: Settings
    broker: BrokerSettings
    json: str


def compile_configuration(path: Path, env: Mapping[str, str], *, local: bool) -> str:
    """The `configuration.json` of the YAML file at `path`. Raises `ConfigurationError`. See `load_configuration`."""
    return load_configuration(path, env, local=local).json


def load_configuration(path: Path, env: Mapping[str, str], *, local: bool) -> Configuration:
    """The configuration in the YAML file at `path`; `${VAR}` comes from `env`. Raises `ConfigurationError`.

    So does the broker's place where the file names none: CDK_DEFAULT_ACCOUNT and CDK_DEFAULT_REGION, the CDK CLI's.
    `local` is true for one's own machine only: it admits http issuers.
    """
    source = _read(path, env)
    if source.complaints and not source.value:  # whatever else was said of it would follow from that
        raise ConfigurationError(path, placed(source))
    source.complaints.extend(_cross_checks(source.value))
    settings = _settings(source, local=local)
    policies = _policies(path.parent, source)
    if source.complaints or settings is None:
        raise ConfigurationError(path, placed(source))
    broker = _broker(settings, env, path, local=local)
    return Configuration(settings, broker, _compiled(settings, broker, policies, local=local))


def _broker(settings: Settings, env: Mapping[str, str], path: Path, *, local: bool) -> BrokerSettings:
    account, region = env.get("CDK_DEFAULT_ACCOUNT"), env.get("CDK_DEFAULT_REGION")
    if settings.broker:
        return settings.broker
    if local:
        return LOCAL_BROKER
    if account and region:
        return BrokerSettings(account=account, region=region)
    fix = "write broker: {account: ..., region: ...}, or run this through the CDK CLI with AWS credentials"
    raise ConfigurationError(
        path, [ConfigurationProblem(("broker",), "nothing says where the broker is deployed", fix)]
    )


def _read(path: Path, env: Mapping[str, str]) -> YamlSource:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        fix = "name a readable file in JITNEY_CONFIG, or with make in CONFIG=, or write jitney.yaml"
        raise ConfigurationError(path, [ConfigurationProblem((), f"the file cannot be read: {reason}", fix)]) from error
    return read(text, env)


def _settings(source: YamlSource, *, local: bool) -> Settings | None:
    known = {each.path for each in source.complaints}
    if () in known:
        return None
    try:
        return Settings.model_validate(source.value, context={"local": local})
    except ValidationError as error:
        found = [from_pydantic(details) for details in error.errors()]
        # A list whose only member is refused is "empty" too: what is wrong with a part is enough.
        wholes = {each.path[:length] for each in found for length in range(len(each.path))}
        source.complaints.extend(each for each in found if each.path not in known | wholes)
        return None


def _cross_checks(value: Value) -> Iterator[ConfigurationProblem]:
    """What single values cannot show. Looks at the text itself, so that it is told beside all other problems."""
    yield from _entries_of_one_issuer(value)
    yield from _repeated(value, "targets", ("account", "role_name"), "use one alias for each role")
    yield from _human_issuers(value)
    for alias, entry in entries(value, "targets"):
        if "external_id" in dict(entries(entry)):
            yield ConfigurationProblem(
                ("targets", alias, "external_id"), "external ids are the broker's to make", "leave it out"
            )
    yield from _signing_in_twice(value)
    yield from slack_checks(value)
    yield from break_glass_checks(value)
    yield from owner_checks(value)
    aliases = [alias for alias, _ in entries(value, "issuers")]
    groups = dict(entries(value, "reviewers"))
    for path, person in _people(value):
        alias, found, _ = person.partition("/")
        if person and not found:
            fix = f"write the issuer's alias and the subject: {' or '.join(f'{each}/{person}' for each in aliases)}"
            yield ConfigurationProblem(path, f'"{person}" cannot be used here', fix)
        elif found and alias not in aliases:
            yield ConfigurationProblem(
                path, f'there is no issuer "{alias}"', f"use an alias of issuers: {', '.join(aliases)}"
            )
    for name, group in groups.items():
        further = dict(entries(group)).get("escalates_to")
        if isinstance(further, str) and further and further not in groups:
            fix = did_you_mean(further, groups)
            yield ConfigurationProblem(("reviewers", name, "escalates_to"), f'there is no group "{further}"', fix)
    operators = dict(entries(value)).get("operators", [])
    for index, named in enumerate(operators if isinstance(operators, list) else []):
        alias = str(named).partition("/")[0]
        if "/" in str(named) and alias not in aliases:
            fix = f"use an alias of issuers: {', '.join(aliases)}"
            yield ConfigurationProblem(("operators", index), f'there is no issuer "{alias}"', fix)


def _entries_of_one_issuer(value: Value) -> Iterator[ConfigurationProblem]:
    """Entries of one issuer have the same keys and subjects, and tokens are told apart by their audiences alone."""
    first: dict[str, tuple[str, dict[str, Value]]] = {}
    audiences: dict[tuple[str, str], str] = {}
    for alias, given in ((alias, dict(entries(entry))) for alias, entry in entries(value, "issuers")):
        issuer = str(given.get("issuer"))
        other, known = first.setdefault(issuer, (alias, given))
        for name in ("jwks_uri", "provider", "settings"):
            if given.get(name) != known.get(name):
                wrong = f"issuers.{other} has the same issuer and another {name}"
                yield ConfigurationProblem(("issuers", alias, name), wrong, "write the same in both: it is one issuer")
        listed = given.get("audiences", [])
        for index, audience in enumerate(listed if isinstance(listed, list) else []):
            owner = audiences.setdefault((issuer, str(audience)), alias)
            if owner != alias:
                wrong = f"issuers.{owner} has the same issuer and this audience"
                fix = "give each entry audiences of its own: they say which entry judges a token"
                yield ConfigurationProblem(("issuers", alias, "audiences", index), wrong, fix)


def _human_issuers(value: Value) -> Iterator[ConfigurationProblem]:
    """An agent's human is known by the name with which that person signs in, or could approve what the agent asks."""
    issuers = {alias: dict(entries(entry)) for alias, entry in entries(value, "issuers")}
    people = [alias for alias, entry in issuers.items() if entry.get("kind") == "human"]
    for alias, entry in issuers.items():
        named, place = entry.get("human_issuer", ""), ("issuers", alias, "human_issuer")
        if entry.get("human_claim") and not named:
            fix = f"name the issuer with which people sign in: {' or '.join(people) or 'an issuer of kind: human'}"
            yield ConfigurationProblem(place, "it is missing, and human_claim is there", fix)
        elif entry.get("human_claim") and entry.get("kind") == "human":
            fix = "leave it out, or write an entry of kind: agent"
            yield ConfigurationProblem(("issuers", alias, "human_claim"), "the issuer's subjects are people", fix)
        elif named and named not in people:
            known = did_you_mean(str(named), people) if people else "add one"
            yield ConfigurationProblem(place, f'there is no issuer "{named}" of kind: human', known)


def _signing_in_twice(value: Value) -> Iterator[ConfigurationProblem]:
    first, *others = [alias for alias, entry in entries(value, "issuers") if "web" in dict(entries(entry))] or [""]
    for alias in others:
        fix = "keep the web of one issuer: the pages send people to one place"
        yield ConfigurationProblem(("issuers", alias, "web"), f"issuers.{first} has a web too", fix)


def _people(value: Value) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Everybody who is named as issuer alias/subject, and where."""
    for name, group in entries(value, "reviewers"):
        for member in GROUP_PEOPLE_KEYS:
            listed = dict(entries(group)).get(member, [])
            for index, person in enumerate(listed if isinstance(listed, list) else []):
                if isinstance(person, str):
                    yield ("reviewers", name, member, index), person
    for person, _ in entries(value, "people"):
        yield ("people", person), person
    yield from people_of_break_glass(value)
    yield from people_who_own(value)


def _repeated(value: Value, section: str, fields: tuple[str, ...], fix: str) -> Iterator[ConfigurationProblem]:
    first: dict[tuple[str, ...], str] = {}
    for alias, entry in entries(value, section):
        given = dict(entries(entry))
        identity = tuple(str(given[name]) for name in fields if name in given)
        if len(identity) == len(fields) and first.setdefault(identity, alias) != alias:
            wrong = f"{section}.{first[identity]} has the same {' and '.join(fields)}"
            yield ConfigurationProblem((section, alias, fields[-1]), wrong, fix)


def _policies(folder: Path, source: YamlSource) -> Policies:
    name = str(dict(entries(source.value)).get("policies", "policies"))
    policies, complaints = read_policies(folder / name, Names.of(source.value))
    source.complaints.extend(complaints)
    return policies


def _compiled(settings: Settings, broker: BrokerSettings, policies: Policies, *, local: bool) -> str:
    """The JSON whose members are the fields of `jitney.core.config`'s values."""
    document = {
        "issuers": [_issuer(settings, name) for name in settings.issuers],
        "targets": [_target(alias, target, broker) for alias, target in settings.targets.items()],
        "reviewers": {name: _reviewing(settings, group) for name, group in settings.reviewers.items()},
        "emails": dict(zip(_identities(settings, tuple(settings.people)), settings.people.values(), strict=True)),
        "subjects": _subjects(settings),
        "break_glass": _break_glass(settings),
        "slack": settings.slack.model_dump() if settings.slack else None,
        "mail": settings.mail.model_dump() if settings.mail else None,
        "operators": list(settings.operators),
        "limits": settings.limits.model_dump(),
        "policies": {"text": policies.text, "schema": policies.schema, "version": policies.version},
        "local": local,
    }
    return json.dumps(document, sort_keys=True, indent=1)


def _break_glass(settings: Settings) -> dict[str, Any] | None:
    glass = settings.break_glass
    if glass is None:
        return None
    return glass.model_dump() | {name: _identities(settings, getattr(glass, name)) for name in ("people", "told")}


def _issuer(settings: Settings, name: str) -> dict[str, Any]:
    issuer = settings.issuers[name]
    people = settings.issuers.get(issuer.human_issuer)
    return {
        "name": name,
        "identity_name": _identity_name(settings, name),
        **issuer.model_dump(),
        "owners": {of: _identities(settings, people) for of, people in owners_of(settings, issuer.issuer).items()},
        "human_issuer": _identity_name(settings, issuer.human_issuer) if people else "",
        "human_issuer_url": people.issuer if people else "",
    }


def _identity_name(settings: Settings, alias: str) -> str:
    """The alias of the first entry of an entry's issuer."""
    issuer = settings.issuers[alias].issuer
    return next(name for name, entry in settings.issuers.items() if entry.issuer == issuer)


def _reviewing(settings: Settings, group: ReviewerGroupSettings) -> dict[str, Any]:
    return group.model_dump() | {name: _identities(settings, getattr(group, name)) for name in GROUP_PEOPLE_KEYS}


def _identities(settings: Settings, people: tuple[str, ...]) -> list[str]:
    """The source identities of people that are written as issuer alias/subject."""
    pairs = [person.split("/", 1) for person in people]
    return [
        source_identity(_identity_name(settings, alias), settings.issuers[alias].issuer, subject)
        for alias, subject in pairs
    ]


def _subjects(settings: Settings) -> dict[str, list[str]]:
    """The issuer's alias and the subject of everybody who is written to, by source identity."""
    people = tuple(settings.people)
    return {name: person.split("/", 1) for name, person in zip(_identities(settings, people), people, strict=True)}


def _target(alias: str, target: TargetSettings, broker: BrokerSettings) -> dict[str, Any]:
    kept = target.model_dump(exclude={"role_name", "policy", "managed_policy"})
    derived = {
        "external_id": external_id(alias, target, broker.account),
        "role_arn": role_arn(target),
        "boundary_arn": boundary_arn(alias, target),
        "deny_room": deny_room(target),
        "canary": has_canary(target),
    }
    return {"alias": alias, **derived, **kept}
