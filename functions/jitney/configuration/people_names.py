"""The names of people in `jitney.yaml`: each must be the subject with which that person signs in (row ID 10)."""

import re

from jitney.configuration.names import Names, did_you_mean
from jitney.configuration.values import refused
from jitney.core.config import PeopleIssuer
from jitney.core.identity.providers import PROVIDERS
from jitney.core.identity.providers.provider import Provider, always_machine

_FORMS = ("aperson", "a.person@example.com", "01234567", "00000000-1111-2222-3333-444444444444")
"""A login, an address, a number and an id: one person may have a name of each form."""


def check_person(value: str, names: Names) -> None:
    """Raise unless `value`, an issuer's alias and a subject, can be a person who signs in and votes."""
    alias, _, subject = value.partition("/")
    people = names.human_issuers.get(alias)
    if people is None:
        known = names.human_issuers
        fix = did_you_mean(alias, known) if known else "add an issuer of kind: human"
        raise refused(f'the issuer "{alias}" is not of kind: human', fix)
    provider = PROVIDERS.get(people.provider)
    if provider and provider.resolves_people(people.subject_pattern):
        known_subject = provider.person(subject, people)
        if known_subject != subject:
            fix = (
                f"write {alias}/{known_subject}"
                if known_subject
                else "write the subject with which the person signs in"
            )
            raise refused(f'"{subject}" is no subject of {alias}, so no person can be {value}', fix)
    _check_votes_with_humans(alias, people, names)


def _check_votes_with_humans(alias: str, people: PeopleIssuer, names: Names) -> None:
    """Raise when agents' humans sign in elsewhere: a person with two identities could approve their own request."""
    if elsewhere := _humans_elsewhere(people.issuer, names):
        raise refused(
            f"the humans of agents are people of {elsewhere}, so a person of {alias} could review their own request",
            f"write a person of {elsewhere}",
        )


def _humans_elsewhere(issuer: str, names: Names) -> str:
    """Return the first alias that an agent's entry names as human_issuer and that is another issuer, "" for none."""
    found = (each for each in names.humans_of_agents if each in names.human_issuers)
    return next((each for each in found if names.human_issuers[each].issuer != issuer), "")


def check_web(issuer: str, names: Names) -> None:
    """Raise when the humans of agents do not sign in with the issuer that has the web client."""
    if elsewhere := _humans_elsewhere(issuer, names):
        raise refused(
            f"the humans of agents are people of {elsewhere}, who do not sign in here",
            f"move web to {elsewhere}, or name this issuer as human_issuer",
        )


def is_for_machines(provider: Provider) -> bool:
    """Return whether no person has a token of the provider."""
    return provider.is_machine is always_machine


def check_human_issuer(alias: str, names: Names) -> None:
    """Raise unless the people issuer `alias` can resolve the humans of agents, and no agent's entry names another."""
    people = names.human_issuers[alias]
    provider = PROVIDERS.get(people.provider)
    if provider and not provider.resolves_people(people.subject_pattern):
        raise refused(
            f"issuers.{alias} cannot distinguish a person's subject from a login or an address",
            f"give issuers.{alias} a subject_pattern, such as [0-9a-f-]{{36}}",
        )
    if elsewhere := _humans_elsewhere(people.issuer, names):
        raise refused(
            f"another entry names {elsewhere}: a person of both could review their own request",
            "name one issuer of people for the humans of all agents",
        )


def check_subject_pattern(pattern: str, issuer: str, names: Names) -> None:
    """Raise unless `pattern` is a regular expression that fits people's subjects and no other name of a person."""
    try:
        compiled = re.compile(pattern, re.ASCII)
    except re.error as error:
        raise refused(f'subject_pattern "{pattern}" is no regular expression: {error}', "correct it") from error
    if sum(compiled.fullmatch(form) is not None for form in _FORMS) > 1:
        raise refused(
            f'subject_pattern "{pattern}" fits names of different forms, such as a login and an id',
            "write the exact form of the subjects, such as [0-9a-f-]{36}",
        )
    for person, address in names.addresses.items():
        alias, _, subject = person.partition("/")
        people = names.human_issuers.get(alias)
        if people and people.issuer == issuer and address != subject and compiled.fullmatch(address):
            raise refused(
                f'subject_pattern "{pattern}" fits the address {address} of {person}',
                "write the exact form of the subjects, such as [0-9a-f-]{36}",
            )
