"""Whether the agent of a grant and its person still have the names that the grant stores. Pure.

A name begins with the alias of the first entry of its issuer in the configuration. Sessions have these names in their
tags, and deny documents deny by them. After a change of the alias, the agent has another name. Under an alias that
belongs to another issuer now, the name is another agent's. So such a grant can be ended, and nothing else.
"""

from jitney.core.access.grant import Grant
from jitney.core.config import Config
from jitney.core.identity.source_identity import identity_prefix, source_identity


def has_current_names(grant: Grant, config: Config) -> bool:
    """Return whether the configuration gives the agent and its person the stored names."""
    entry = next(iter(config.entries(grant.issuer)), None)
    if entry is None or source_identity(entry.identity_name, entry.issuer, grant.subject) != grant.principal:
        return False
    if grant.human is None:
        return True
    people = config.entries(grant.human.issuer)
    return grant.human.name.startswith(tuple(identity_prefix(each.identity_name) for each in people))
