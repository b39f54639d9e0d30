"""The names and claims of requesters in policies and their cases. A name is a source identity.

A policy about a name or a claim that no requester has decides nothing, and a case about it tests nothing.
"""

from collections.abc import Iterable, Iterator

from jitney.configuration.group_names import value_faults
from jitney.configuration.names import Names, alias_faults, did_you_mean
from jitney.core.identity.providers import PROVIDERS
from jitney.core.identity.source_identity import source_identity
from jitney.core.patterns import has_wildcard
from jitney.core.stored_identity import is_hashed


def identity_faults(kind: str, name: str, names: Names) -> Iterator[tuple[str, str]]:
    """Yield why no requester or person has the source identity `name`, with the fix. `kind` is agent or human."""
    alias, slash, subject = name.partition("/")  # as jitney.yaml writes people
    if not slash or alias not in names.issuers:
        alias, dot, subject = name.partition(".")
        if not names.issuers:
            return
        if not dot or alias not in names.issuers:
            of_kind = (each for each, about in names.requesters.items() if about.kind == kind)
            firsts = {names.entries_with_issuer_of(each)[0]: None for each in of_kind}
            yield from alias_faults(kind, name, ".", [*firsts] or names.issuers)
            return
    yield from _impossible(kind, name, alias, subject, names)


def claim_faults(claim: str, value: str, entries: Iterable[str], names: Names) -> Iterator[tuple[str, str]]:
    """Yield why no token of these entries has `value` in a claim that policies see, as far as is known.

    `*` and `?` in the value are wildcards.
    """
    showing = [alias for alias in entries if claim in names.requesters[alias].claims]
    sources = {alias: names.group_sources.get(alias) for alias in showing}
    faults = [list(value_faults(alias, claim, value, each)) if each else [] for alias, each in sources.items()]
    if faults and all(faults):
        yield faults[0][0]


def _impossible(kind: str, name: str, alias: str, subject: str, names: Names) -> Iterator[tuple[str, str]]:
    entries = names.entries_with_issuer_of(alias)
    of_kind = [each for each in entries if each in names.requesters and names.requesters[each].kind == kind]
    named = f'names {kind} "{name}"'
    if names.requesters and not of_kind:
        others = sorted(each for each, about in names.requesters.items() if about.kind == kind)
        fix = did_you_mean(alias, others) if others else f"write kind: {kind} in issuers.{alias}, if it is of this kind"
        yield f"{named}, but issuers.{alias} is not of kind: {kind}", fix
    elif has_wildcard(subject):
        fix = f'name a group instead, or write when {{ principal.subject like "{subject}" }}'
        yield f"{named}, but names in policies have no wildcards", fix
    elif is_hashed(name):
        if alias != entries[0]:
            yield f'{named}, but names of this issuer begin with "{entries[0]}."', "copy the name from a record"
    elif of_kind and not any(_is_subject(kind, subject, each, names) for each in of_kind):
        fix = f"write the subject as in {_example(of_kind[0], names)}"
        yield f'{named}, but no {kind} of {alias} has the subject "{subject}"', fix
    else:
        seen = source_identity(entries[0], names.issuer_urls.get(alias, ""), subject)
        if seen != name:
            yield f'{named}, but policies see "{seen}"', f'write "{seen}"'


def _is_subject(kind: str, subject: str, alias: str, names: Names) -> bool:
    """Return whether an entry's tokens can have the subject, as far as is known."""
    people = names.human_issuers.get(alias)
    if kind == "human" and people:
        provider = PROVIDERS.get(people.provider)
        resolves = provider and provider.resolves_people(people.subject_pattern)
        return not (provider and resolves) or provider.person(subject, people) == subject
    source = names.group_sources.get(alias)
    return source is None or source.known.can_name(subject)


def _example(alias: str, names: Names) -> str:
    source = names.group_sources.get(alias)
    return (source.known.example if source else "") or "the token. It is permanent: no login and no address"
