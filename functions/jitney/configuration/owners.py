"""Who owns an agent in `jitney.yaml`: its owners count as the agent itself when others decide (rows ID 10, REV 5)."""

from collections.abc import Iterator

from jitney.configuration.problems import did_you_mean
from jitney.configuration.settings import Settings
from jitney.configuration.yaml_source import ConfigurationProblem, Value, entries


def owner_checks(value: Value) -> Iterator[ConfigurationProblem]:
    """What single values cannot show: owners of people, and owners who do not sign in as people do."""
    issuers = {alias: dict(entries(entry)) for alias, entry in entries(value, "issuers")}
    people = [alias for alias, entry in issuers.items() if entry.get("kind") == "human"]
    for alias, entry in issuers.items():
        if entry.get("kind") == "human" and entry.get("owners"):
            fix = "leave it out: agents are owned, by people"
            yield ConfigurationProblem(("issuers", alias, "owners"), "the issuer's subjects are people", fix)
    for place, person in people_who_own(value):
        named = person.partition("/")[0]
        if named in issuers and named not in people:
            fix = did_you_mean(named, people) if people else "add an issuer of kind: human"
            yield ConfigurationProblem(place, f'the issuer "{named}" is not of kind: human', fix)


def people_who_own(value: Value) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Everybody who is named as an owner, as issuer alias/subject, and where."""
    for alias, entry in entries(value, "issuers"):
        for subject, listed in entries(dict(entries(entry)).get("owners", {})):
            for index, person in enumerate(listed if isinstance(listed, list) else []):
                if isinstance(person, str):
                    yield ("issuers", alias, "owners", subject, index), person


def owners_of(settings: Settings, issuer: str) -> dict[str, tuple[str, ...]]:
    """The owners by subject that any entry of the issuer names: a subject is one agent, whatever entry proves it."""
    found: dict[str, dict[str, None]] = {}
    for entry in settings.issuers.values():
        for subject, people in entry.owners.items() if entry.issuer == issuer else ():
            found.setdefault(subject, {}).update(dict.fromkeys(people))
    return {subject: tuple(people) for subject, people in found.items()}
