"""The requester's other active grants that hold part of a privilege escalation.

They are the grants of the people and of the unit behind a request. Two simultaneous requests may each be for half of an
escalation. So the decision on the second must take the first into account. For that, the grants of an identity are one
`GrantList`: each grant is decided with the entries before its own.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from jitney.core.access.document_times import DocumentTimes
from jitney.core.access.grant import Grant, State
from jitney.core.access.grant_list import GrantList, ListedGrant
from jitney.core.access.live_credentials import usable_until
from jitney.core.access.request import Permission
from jitney.core.actions import ActionTable
from jitney.core.config import Config
from jitney.core.identity.principal import Principal
from jitney.core.identity.source_identity import source_identity
from jitney.core.stored_identity import Identity, identity_of

MAX_ENTRIES_OF_UNIT = 200
"""Bound of an accountable unit's grants in one list. The rest of the list is for an owner's other agents."""
_PREFIX = "ACTIVE_GRANTS#"


class ListKeys(NamedTuple):
    """The lists whose grants count for a request. A new grant enters some of them, and the others are only read."""

    own: tuple[str, ...]
    related: tuple[str, ...]


def list_keys(who: Principal, config: Config) -> ListKeys:
    """Return the lists that count for a request of `who`.

    They are the lists of the agent, its unit, its human, and its owners, at the request and now. A person's list has
    the grants of each agent that the person owns or that acts for the person. If an agent gets an owner later, its
    earlier grants are in the agent's own list only. So that list counts too.
    """
    owners = config.owners_of(who.issuer_name, who.subject)
    people = frozenset({who.human or who.identity, *who.agent_owners, *owners})
    unit = () if who.unit == who.source_identity else (who.unit_key,)
    own = dict.fromkeys((who.identity.digest, *unit, *sorted(each.digest for each in people)))
    related = _agents_owned_by(people, config)
    return ListKeys(
        tuple(f"{_PREFIX}{each}" for each in own),
        tuple(f"{_PREFIX}{each}" for each in dict.fromkeys(related) if each not in own),
    )


def _agents_owned_by(people: frozenset[Identity], config: Config) -> Iterator[str]:
    """Yield the digests of the agents that one of `people` owns at present.

    Owners of subjects with wildcards are left out, because their agents are not known.
    """
    for issuer in config.issuers.values():
        for subject, owners in issuer.owners.items():
            if "*" not in subject and "?" not in subject and not people.isdisjoint(map(config.identity_of, owners)):
                yield identity_of(source_identity(issuer.identity_name, issuer.issuer, subject), issuer.issuer).digest


def combination_actions_in(permissions: Iterable[Permission], actions: ActionTable) -> tuple[str, ...]:
    """Return the actions in `permissions` (canonical names) that escalate privileges in combination with others."""
    named = {name for each in permissions for name in each.actions}
    return tuple(sorted(named & actions.combination_actions))


def other_grant_of(grant: Grant, actions: ActionTable) -> ListedGrant | None:
    """Return the grant's entry, or None when the grant holds no combination actions.

    A grant under review may start as late as the end of its review.
    """
    parts = combination_actions_in(grant.permissions, actions)
    waiting = grant.duration_seconds if grant.state is State.PENDING else 0
    until = grant.expires_at + waiting
    return ListedGrant(grant.id, grant.owner_key, grant.unit_key, until, grant.account, parts) if parts else None


def entries_of_unit(who: Principal, listed: GrantList) -> int:
    """Return how many grants in the list belong to agents of `who`'s accountable unit."""
    return sum(entry.unit == who.unit_key for entry in listed.entries)


def is_counted(grant: Grant | None, documents: DocumentTimes, now: int) -> bool:
    """Return whether an entry's grant counts at `now`: if it is pending or active, or its credentials may work.

    A released or revoked grant counts until AWS was seen to deny one of its sessions. Without such a measurement, it
    counts until a document of its role that denies it is in force: `documents` are the times of the role's documents. A
    grant that is not found counts.
    """
    if grant is None or grant.at(now).state in (State.PENDING, State.ACTIVE):
        return True
    if grant.ending is None:
        return grant.may_have_credentials(now)
    until = usable_until(grant, grant.ending.at)
    seen = grant.ending.denied_after_milliseconds is not None
    return isinstance(until, int) and now < until and not seen and not documents.covers(grant.ending.at, now)
