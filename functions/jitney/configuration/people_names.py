"""The names of people in `jitney.yaml`: each must be the subject with which that person signs in (row ID 10)."""

import re

from jitney.configuration.names import Names, did_you_mean
from jitney.configuration.values import refused
from jitney.core.identity.providers import PROVIDERS
from jitney.core.identity.providers.provider import Provider, always_machine

_FORMS = ("aperson", "a.person@example.com", "01234567", "00000000-1111-2222-3333-444444444444")
"""Examples of names in each form: a login, an address, a number and an id. One person may have all of them."""


def check_person(value: str, names: Names) -> None:
    """Raise unless `value`, an issuer's alias and a subject, can be a person who signs in and votes."""
    alias, _, subject = value.partition("/")
    people = names.human_issuers.get(alias)
    if people is None:
        known = names.human_issuers
        fix = (
            did_you_mean(alias, known) if known else f"write kind: human in issuers.{alias}, if people sign in with it"
        )
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
    if elsewhere := _sign_in_elsewhere(people.issuer, names):
        raise refused(
            f"people sign in with {elsewhere}, so a person of {alias} could review their own request",
            f"write a person of {elsewhere}",
        )


def _sign_in_elsewhere(issuer: str, names: Names) -> str:
    """Return the alias of the first issuer with which people sign in, if it is not this issuer; else ""."""
    found = (each for each in names.people_sign_in_with if each in names.human_issuers)
    return next((each for each in found if names.human_issuers[each].issuer != issuer), "")


def check_only_people(issuer: str, names: Names) -> None:
    """Raise if people get tokens for Jitney from the issuer, but review with an identity of another issuer."""
    if elsewhere := _sign_in_elsewhere(issuer, names):
        raise refused(
            f"people sign in with {elsewhere}, and could review what they request with a token of this issuer",
            f"write human_issuer: {elsewhere}, by which such a person is recognized, or remove the entry",
        )


def is_for_machines(provider: Provider) -> bool:
    """Return whether no person has a token of the provider."""
    return provider.is_machine is always_machine


def check_human_issuer(alias: str, names: Names) -> None:
    """Raise unless the issuer `alias` can resolve people, and people sign in with no other issuer."""
    people = names.human_issuers[alias]
    provider = PROVIDERS.get(people.provider)
    if provider and not provider.resolves_people(people.subject_pattern):
        raise refused(
            f"issuers.{alias} cannot distinguish a person's subject from a login or an address",
            f"give issuers.{alias} a subject_pattern, such as [0-9a-f-]{{36}}",
        )
    if elsewhere := _sign_in_elsewhere(people.issuer, names):
        raise refused(
            f"people sign in with {elsewhere}, so a person of {alias} could review their own request",
            f"write {elsewhere}, and name one issuer of people everywhere",
        )


def check_people_differ(issuer: str, claims: str, names: Names) -> None:
    """Raise if no pattern distinguishes the people of the issuer from its agents, whose names are these `claims`."""
    people = ((alias, each) for alias, each in names.human_issuers.items() if each.issuer == issuer)
    if alias := next((alias for alias, each in people if not each.subject_pattern), ""):
        raise refused(
            f"agents are named by {claims}, and one may have the subject of a person of issuers.{alias}",
            f"give issuers.{alias} a subject_pattern that no agent's name fits, such as [0-9a-f-]{{36}}",
        )


def check_subject_pattern(pattern: str, issuer: str, names: Names) -> None:
    """Raise unless `pattern` is a regular expression that matches people's subjects, and no other names of people."""
    try:
        compiled = re.compile(pattern, re.ASCII)
    except re.error as error:
        raise refused(
            f'subject_pattern "{pattern}" is no regular expression: {error}', "correct the pattern"
        ) from error
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
