"""The names that can be suspended. An unknown name is an error with suggestions, never a silent success. Pure.

An agent, a unit, a human, an issuer or a target is known from the configuration or from its open grants. So an issuer
or a target can be suspended after it was removed from the configuration, while its grants last. Jitney keeps no list of
callers, so it does not know a caller without such a grant. With `unseen`, such a caller can be suspended by its exact
name.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from jitney.core.access.grant import Grant
from jitney.core.access.suspension_entry import SuspensionKind, SuspensionRequest
from jitney.core.config import Config
from jitney.core.identity.source_identity import identity_prefix, source_identity
from jitney.core.masking.generic_masker import UNTAGGED
from jitney.core.problems import Problem
from jitney.core.stored_identity import Identity
from jitney.core.target_roles import first_role

MOST_SUGGESTIONS = 5
SUSPENDABLE = re.compile(r"[\w+=.@-]{1,64}", re.ASCII)
"""The names that can be suspended. In deny documents they are patterns, where `*`, `?` and `${` have a meaning."""


class SuspendedName(NamedTuple):
    """What a suspension names, as it is stored. `role` and `issuer` are those of `Suspension`."""

    name: str
    role: str = ""
    issuer: str = ""


def configured_name(request: SuspensionRequest, config: Config) -> SuspendedName | None:
    """Return the configured name that the request means, or None. Names have several spellings.

    For an issuer, the alias of any of its entries names all of them.
    """
    return _CONFIGURED[request.kind](config).get(request.name)


def present_name(request: SuspensionRequest, config: Config) -> SuspendedName | None:
    """Return the agent, unit or human that has the request's name under the configuration, whether or not one exists.

    Returns None for other kinds, and for a name that does not begin with the name of an issuer.
    """
    known = request.name.startswith(tuple(_prefixes(config)))
    if not known or request.kind in (SuspensionKind.ISSUER, SuspensionKind.TARGET):
        return None
    return _suspended(config.identity_of(request.name))


def seen_name(request: SuspensionRequest, config: Config, grants: Iterable[Grant]) -> SuspendedName:
    """Return the request's name if one of `grants` has it, or if `unseen` permits it.

    Raises Problem suspension_name_unknown with the closest names.
    """
    spellings = dict(_CONFIGURED[request.kind](config))
    for grant in grants:
        spellings |= _spellings_in(request.kind, grant, config)
    present, seen = present_name(request, config), spellings.get(request.name)
    if seen and seen.name == request.name:
        return present or seen
    if request.kind in (SuspensionKind.ISSUER, SuspensionKind.TARGET):
        raise _unknown(request, spellings, _LISTED[request.kind])
    prefixes = _prefixes(config)
    if present is None or not SUSPENDABLE.fullmatch(request.name):
        fix = f"Use the name that Jitney's pages and records show. It begins with {' or '.join(prefixes)}"
        raise _unknown(request, spellings, fix)
    if not request.unseen:
        fix = "To suspend this exact name, although no open grant has it, send `unseen` as true (--unseen)."
        raise _unknown(request, spellings, fix)
    return present


def _prefixes(config: Config) -> list[str]:
    return sorted({identity_prefix(each.identity_name) for each in config.issuers.values()})


def _unknown(request: SuspensionRequest, spellings: Mapping[str, SuspendedName], fix: str) -> Problem:
    near = difflib.get_close_matches(request.name, spellings, n=MOST_SUGGESTIONS, cutoff=0.5)
    inside = [each for each in sorted(spellings) if request.name.lower() in each.lower()]
    names = list(dict.fromkeys(spellings[each].name for each in [*near, *inside]))[:MOST_SUGGESTIONS]
    meant = f"Did you mean {' or '.join(names)}? " if names else ""
    detail = f"Jitney knows no {request.kind} {UNTAGGED.text(request.name)[:64]!a}."  # masked before it is cut
    return Problem("suspension_name_unknown", detail, meant + fix, {"alternatives": names})


def _suspended(identity: Identity) -> SuspendedName:
    return SuspendedName(identity.name, issuer=identity.issuer)


def _people(config: Config) -> dict[str, SuspendedName]:
    groups = config.reviewers.values()
    people = {each for group in groups for each in (*group.members, *group.delegates)}
    people |= config.emails.keys() | config.subjects.keys()
    people |= set(config.break_glass.people) if config.break_glass else set()
    written = {f"{alias}/{subject}": identity for identity, (alias, subject) in config.subjects.items()}
    spelled = written | {each: each for each in people}
    return {spelling: _suspended(config.identity_of(each)) for spelling, each in spelled.items()}


def configured_agents(config: Config) -> set[str]:
    """Return the source identities of the agents that the configuration names."""
    return {each.name for each in _agents(config).values()}


def _agents(config: Config) -> dict[str, SuspendedName]:
    found: dict[str, SuspendedName] = {}
    for entry in config.issuers.values():
        for subject in {*entry.owners, *entry.subject_groups} if entry.kind != "human" else ():
            identity = source_identity(entry.identity_name, entry.issuer, subject)
            found |= dict.fromkeys((f"{entry.name}/{subject}", identity), SuspendedName(identity, issuer=entry.issuer))
    return found


def _issuers(config: Config) -> dict[str, SuspendedName]:
    return {
        alias: SuspendedName(each.identity_name, issuer=each.issuer)
        for each in config.issuers.values()
        for alias in (each.name, each.identity_name)
    }


_LISTED: Mapping[SuspensionKind, str] = {
    SuspensionKind.ISSUER: "Use a name that jitney.yaml has under issuers. For a removed issuer, use the text before "
    "the first full stop of its agents' names.",
    SuspensionKind.TARGET: "Use a name that jitney.yaml has under targets, or that an open grant has.",
}
_CONFIGURED: Mapping[SuspensionKind, Callable[[Config], Mapping[str, SuspendedName]]] = {
    SuspensionKind.AGENT: _agents,
    SuspensionKind.UNIT: lambda _: {},
    SuspensionKind.HUMAN: _people,
    SuspensionKind.ISSUER: _issuers,
    SuspensionKind.TARGET: lambda config: {
        alias: SuspendedName(alias, each.role_arn) for alias, each in config.targets.items()
    },
}
"""Names by their spellings in the configuration."""


def _spellings_in(kind: SuspensionKind, grant: Grant, config: Config) -> dict[str, SuspendedName]:
    """Return the names in a grant, by spelling. A person who requests access does not count as an agent.

    But a grant may name its requester as its human, because the token's issuer is not that of the people's sign-in.
    Then the name from this token counts as an agent.
    """
    entry = config.issuers.get(grant.issuer_name)
    is_person = entry is not None and entry.kind == "human" and grant.human is None
    agent = _suspended(grant.agent)
    if kind is SuspensionKind.UNIT:
        unit = SuspendedName(grant.unit, issuer=grant.issuer)
        return dict.fromkeys((grant.subject, grant.principal, grant.unit), unit)
    if kind is SuspensionKind.AGENT:
        return {} if is_person else dict.fromkeys((grant.subject, grant.principal), agent)
    if kind is SuspensionKind.ISSUER:  # of a removed issuer, too: its credentials work until the grants end
        identities = [each for each in (grant.agent, grant.human) if each]
        aliases = {each.name.partition(".")[0]: each.issuer for each in identities}
        return {alias: SuspendedName(alias, issuer=issuer) for alias, issuer in aliases.items()}
    if kind is SuspensionKind.TARGET:  # a removed one, or the present alias of a renamed one
        present = config.target_with(grant.role_arn)
        return {grant.target: SuspendedName(present.alias if present else grant.target, first_role(grant.role_arn))}
    people = [grant.human, *(vote.human for vote in grant.votes), *([grant.agent] if is_person else [])]
    return {each.name: _suspended(each) for each in people if each}
