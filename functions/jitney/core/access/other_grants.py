"""Who holds parts of ways to gain permissions: each grant that has one is entered for its agent and for its human.

Two requests at once, each with half of a way, must not both be decided without the other. So the entries of an identity
are one value with a stamp: a grant is written together with its entry, and only while the stamp is still the one that
was read for its decision. Each grant is decided over those that were entered before it; who comes later has seen it.
"""

import json
from collections.abc import Iterable
from typing import NamedTuple, Self

from jitney.core.access.grant import Grant, State
from jitney.core.access.request import Permission
from jitney.core.actions import ActionTable

MAX_CHARACTERS = 300_000
"""Of all entries of an identity; an item of DynamoDB holds 400 KB."""


class OtherGrant(NamedTuple):
    """One grant's parts of ways, in one account. `until` is when it ends at the latest, in epoch seconds."""

    grant_id: str
    owner: str
    account: str
    until: int
    actions: tuple[str, ...]


class OtherGrants(NamedTuple):
    """The entries of an agent or a human, the earliest first; `stamp` is the last one's grant, "" if there is none."""

    identity: str
    stamp: str = ""
    entries: tuple[OtherGrant, ...] = ()

    @classmethod
    def read(cls, identity: str, stamp: str, text: str) -> Self:
        """The holdings in `text`. Raises ValueError or TypeError when they are none."""
        entries = (
            OtherGrant(grant_id, owner, account, until, tuple(actions))
            for grant_id, owner, account, until, actions in json.loads(text)
        )
        return cls(identity, stamp, tuple(entries))

    def text(self) -> str:
        """The entries as `read` takes them."""
        return json.dumps(self.entries, separators=(",", ":"))

    @property
    def full(self) -> bool:
        """Whether these are more than can be kept."""
        return len(self.text()) > MAX_CHARACTERS

    def entered(self, entry: OtherGrant, now: int) -> Self:
        """The holdings with one more grant, without those that have ended at `now`."""
        live = (each for each in self.entries if each.until > now)
        return self._replace(stamp=entry.grant_id, entries=(*live, entry))

    def before(self, grant_id: str) -> tuple[OtherGrant, ...]:
        """The entries before that grant's; all when it has none."""
        ids = [entry.grant_id for entry in self.entries]
        return self.entries[: ids.index(grant_id)] if grant_id in ids else self.entries


class OtherGrantsUpdate(NamedTuple):
    """The holdings as a decision was made with them, and as they are once its grant is entered."""

    before: OtherGrants
    after: OtherGrants


def identities_of(principal: str, human: str | None) -> tuple[str, ...]:
    """Whose holdings a request is about: the agent's, for whomever it asks, and the human's, whichever agent asks."""
    return tuple(dict.fromkeys((principal, human or principal)))


def combination_actions_in(permissions: Iterable[Permission], actions: ActionTable) -> tuple[str, ...]:
    """The actions in `permissions` (by their canonical names) that gain permissions together with others."""
    named = {name for each in permissions for name in each.actions}
    return tuple(sorted(named & actions.combination_actions))


def other_grant_of(grant: Grant, actions: ActionTable) -> OtherGrant | None:
    """The grant's entry, None when it has no part in any way. One under review may begin when the review ends."""
    parts = combination_actions_in(grant.permissions, actions)
    waiting = grant.duration_seconds if grant.state is State.PENDING else 0
    return OtherGrant(grant.id, grant.owner, grant.account, grant.expires_at + waiting, parts) if parts else None


def is_counted(grant: Grant | None, now: int) -> bool:
    """Whether an entered grant counts at `now`: it is or may become active, or its credentials may still work.

    Once taken back it counts until a session of it was seen to be denied. One that cannot be found counts.
    """
    if grant is None or grant.at(now).state in (State.PENDING, State.ACTIVE):
        return True
    denied = grant.ending is not None and grant.ending.denied_after_milliseconds is not None
    return grant.live(now) and not denied
