"""The other active grants of an agent or a human that hold part of a privilege escalation.

Two simultaneous requests, each for half of an escalation, must not both be decided without the other. So all entries of
an identity are one value with a version. A grant is written together with its entry, and only if the version is still
the one that its decision read. Each grant is decided over the entries before its own; later requests see it.
"""

import json
from collections.abc import Iterable
from typing import NamedTuple, Self

from jitney.core.access.grant import Grant, State
from jitney.core.access.request import Permission
from jitney.core.actions import ActionTable

MAX_CHARACTERS = 300_000
"""Bound of all entries of one identity. A DynamoDB item holds 400 KB."""


class OtherGrant(NamedTuple):
    """One grant's combination actions in one account. `until` is its latest possible end, in epoch seconds."""

    grant_id: str
    owner: str
    account: str
    until: int
    actions: tuple[str, ...]


class OtherGrants(NamedTuple):
    """The entries of an agent or a human, oldest first. `version` is the id of the last grant, "" if there is none."""

    identity: str
    version: str = ""
    entries: tuple[OtherGrant, ...] = ()

    @classmethod
    def read(cls, identity: str, version: str, text: str) -> Self:
        """Return the entries in `text`. Raises ValueError or TypeError when it is malformed."""
        entries = (
            OtherGrant(grant_id, owner, account, until, tuple(actions))
            for grant_id, owner, account, until, actions in json.loads(text)
        )
        return cls(identity, version, tuple(entries))

    def text(self) -> str:
        """Return the entries as `read` parses them."""
        return json.dumps(self.entries, separators=(",", ":"))

    @property
    def full(self) -> bool:
        """Whether there are more entries than one item can hold."""
        return len(self.text()) > MAX_CHARACTERS

    def with_grant(self, entry: OtherGrant, now: int) -> Self:
        """Return the entries with one more grant, without those that have ended at `now`."""
        live = (each for each in self.entries if each.until > now)
        return self._replace(version=entry.grant_id, entries=(*live, entry))

    def before(self, grant_id: str) -> tuple[OtherGrant, ...]:
        """Return the entries before that grant's; all entries when it has none."""
        ids = [entry.grant_id for entry in self.entries]
        return self.entries[: ids.index(grant_id)] if grant_id in ids else self.entries


class OtherGrantsUpdate(NamedTuple):
    """The entries that a decision read, and the entries including its grant."""

    before: OtherGrants
    after: OtherGrants


def identities_of(principal: str, human: str | None) -> tuple[str, ...]:
    """Return the identities whose other grants count for a request: the agent's, and the human's across all agents."""
    return tuple(dict.fromkeys((principal, human or principal)))


def combination_actions_in(permissions: Iterable[Permission], actions: ActionTable) -> tuple[str, ...]:
    """Return the actions in `permissions` (canonical names) that escalate privileges in combination with others."""
    named = {name for each in permissions for name in each.actions}
    return tuple(sorted(named & actions.combination_actions))


def other_grant_of(grant: Grant, actions: ActionTable) -> OtherGrant | None:
    """Return the grant's entry; None when it holds no combination actions.

    A grant under review may start as late as the end of its review.
    """
    parts = combination_actions_in(grant.permissions, actions)
    waiting = grant.duration_seconds if grant.state is State.PENDING else 0
    return OtherGrant(grant.id, grant.owner_key, grant.account, grant.expires_at + waiting, parts) if parts else None


def is_counted(grant: Grant | None, now: int) -> bool:
    """Return whether an entry's grant counts at `now`: it is pending or active, or its credentials may still work.

    A released or revoked grant counts until a session of it was seen to be denied. A grant that cannot be found counts.
    """
    if grant is None or grant.at(now).state in (State.PENDING, State.ACTIVE):
        return True
    denied = grant.ending is not None and grant.ending.denied_after_milliseconds is not None
    return grant.may_have_credentials(now) and not denied
