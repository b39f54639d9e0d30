"""A list of grants as one value with a version. It holds grants that could be combined, or a unit's pending reviews.

A new grant is written together with its entries, and only if each list still has the version that its decision read. Of
two simultaneous requests, one may exclude or repeat the other. So the decision on the later one takes the earlier one
into account. Pure.
"""

import json
from collections.abc import Collection
from typing import NamedTuple, Self

from jitney.core.stored_types import listed, with_types

MAX_CHARACTERS = 300_000
"""Bound of one list's text. A DynamoDB item holds 400 KB."""
MAX_ENTRIES = 500
"""Bound of one list's grants, which a decision may have to read."""


class ListedGrant(NamedTuple):
    """One grant in a list. `until` is its latest possible end, in epoch seconds.

    `unit` is the key of its agent's accountable unit. `actions` are those in `account` that escalate privileges only in
    combination (`core.actions`). `request` is the hash of a request under review.
    """

    grant_id: str
    owner: str
    unit: str
    until: int
    account: str = ""
    actions: tuple[str, ...] = ()
    request: str = ""


class GrantList(NamedTuple):
    """The entries, oldest first. `key` names the list. `version` is the id of the last added grant, or "" for none."""

    key: str
    version: str = ""
    entries: tuple[ListedGrant, ...] = ()

    @classmethod
    def read(cls, key: str, version: str, text: str) -> Self:
        """Return the entries in `text`. Raises ValueError or TypeError when it is malformed."""
        entries = (
            with_types(ListedGrant(grant_id, owner, unit, until, account, listed(actions), request))
            for grant_id, owner, unit, until, account, actions, request in json.loads(text)
        )
        return cls(key, version, tuple(entries))

    def text(self) -> str:
        """Return the entries as `read` parses them."""
        return json.dumps(self.entries, separators=(",", ":"))

    @property
    def full(self) -> bool:
        """Whether there are more entries than one item can hold or a decision can read."""
        return len(self.entries) > MAX_ENTRIES or len(self.text()) > MAX_CHARACTERS

    def at(self, now: int) -> Self:
        """Return the list without the grants whose time has ended."""
        return self._replace(entries=tuple(each for each in self.entries if each.until > now))

    def without(self, grant_ids: Collection[str]) -> Self:
        """Return the list without these grants."""
        return self._replace(entries=tuple(each for each in self.entries if each.grant_id not in grant_ids))

    def with_entry(self, entry: ListedGrant) -> Self:
        """Return the list with one more grant."""
        return self._replace(version=entry.grant_id, entries=(*self.entries, entry))

    def since(self, grant_id: str) -> tuple[ListedGrant, ...]:
        """Return the grant's entry and the entries after it; () when the grant has no entry."""
        ids = [entry.grant_id for entry in self.entries]
        return self.entries[ids.index(grant_id) :] if grant_id in ids else ()


class GrantListUpdate(NamedTuple):
    """A list as a decision read it, and the same list with the new grant."""

    before: GrantList
    after: GrantList
