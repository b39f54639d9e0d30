"""Whether the agent and the people of a grant still have the names that the grant stores. Pure.

A name begins with the alias of the first entry of its issuer in the configuration. After a change of that alias, the
same person signs in under another name, and would not be recognized as a requester, or as suspended. Under an alias
that belongs to another issuer now, the name is another agent's. So such a grant can be ended, and nothing else.
"""

from collections.abc import Iterator

from jitney.core.access.grant import Grant
from jitney.core.config import Config
from jitney.core.identity.source_identity import identity_prefix, source_identity


def has_current_names(grant: Grant, config: Config) -> bool:
    """Return whether the configuration gives everyone in the grant the stored name."""
    entry = next(iter(config.entries(grant.issuer)), None)
    if entry is None or source_identity(entry.identity_name, entry.issuer, grant.subject) != grant.principal:
        return False
    return all(is_current_name(identity, issuer, config) for identity, issuer in _people(grant))


def is_current_name(identity: str, issuer: str, config: Config) -> bool:
    """Return whether a source identity begins with the name of `issuer` in the configuration; of any issuer for ""."""
    entries = config.entries(issuer) if issuer else config.issuers.values()
    return identity.startswith(tuple(identity_prefix(each.identity_name) for each in entries))


def _people(grant: Grant) -> Iterator[tuple[str, str]]:
    """Yield the human, the voters, and the person who used break-glass: source identities, and issuers if stored."""
    if grant.human is not None:
        yield grant.human, grant.human_issuer
    yield from ((vote.human, "") for vote in grant.votes)
    if grant.break_glass is not None:
        yield grant.break_glass.human, grant.break_glass.issuer
