"""The caller's other active grants, read only for requests that could complete an escalation (row POL 5)."""

from collections.abc import Collection
from dataclasses import dataclass, field

from jitney.core.access.document_times import DocumentTimes
from jitney.core.access.grant import Grant
from jitney.core.access.grant_list import GrantList, GrantListUpdate, ListedGrant
from jitney.core.access.other_grants import (
    MAX_ENTRIES_OF_UNIT,
    ListKeys,
    entries_of_unit,
    is_counted,
    list_keys,
    other_grant_of,
)
from jitney.core.identity.principal import Principal
from jitney.core.policy.risks import HeldActions, completed_escalations
from jitney.core.problems import Problem
from jitney.handlers.runtime.ports import Ports


@dataclass(slots=True)
class OtherGrantsLookup:
    """The other grants that count for a request of `who`, in one account (`core.access.other_grants.list_keys`).

    It implements `jitney.core.policy.risks.HeldActionsLookup`. It names a grant to the caller only if the same agent
    holds it for the same human. `grant_id` is the grant that is decided again, or "" for a new grant. Only list entries
    before this grant's entry count. Raises Problem unavailable when the store fails.
    """

    ports: Ports
    who: Principal
    account: str
    now: int
    grant_id: str = ""
    read: dict[str, GrantList] = field(default_factory=dict)
    found: dict[frozenset[str], tuple[HeldActions, ...]] = field(default_factory=dict)

    def __call__(self, requested: frozenset[str]) -> tuple[HeldActions, ...]:
        """Return the other grants that could matter for the `requested` actions, as last written.

        A second decision about the same actions, such as a decision about the other way, reads nothing again.
        """
        if requested not in self.found:
            self.found[requested] = self._holding(requested)
        return self.found[requested]

    def _holding(self, requested: frozenset[str]) -> tuple[HeldActions, ...]:
        self.read = self.ports.store.grant_lists((*self._keys.own, *self._keys.related))
        later = {entry.grant_id for each in self.read.values() for entry in each.since(self.grant_id)}
        entries = {entry.grant_id: entry for each in self.read.values() for entry in each.entries}
        here = [
            entry
            for entry in entries.values()
            if entry.grant_id not in later and entry.account == self.account and entry.until > self.now
        ]
        possible = completed_escalations(
            requested,
            [HeldActions(each.grant_id, frozenset(each.actions)) for each in here],
            self.ports.actions.escalations,
        )
        needed = {name for gain in possible for name in gain.held}
        holders = [entry for entry in here if needed.intersection(entry.actions)]
        counted = self._counted({entry.grant_id for entry in holders}) if holders else frozenset()
        return tuple(self._held(entry) for entry in holders if entry.grant_id in counted)

    def _counted(self, grant_ids: Collection[str]) -> frozenset[str]:
        """Return the ids of the grants that count now."""
        grants = self.ports.store.grants_by_id(grant_ids)
        roles = {each.role_arn for each in grants.values() if each.ending}
        documents = self.ports.deny_list.document_times(roles) if roles else {}

        def counts(grant: Grant | None) -> bool:
            return is_counted(grant, documents.get(grant.role_arn if grant else "", DocumentTimes()), self.now)

        return frozenset(each for each in grant_ids if counts(grants.get(each)))

    def updates_for(self, grant: Grant) -> tuple[GrantListUpdate, ...]:
        """Return the list updates to write with the new `grant`. With them, the next decision sees the grant.

        A grant keeps its place until its latest possible end, unless the place is needed and the grant counts no more.
        Raises Problem rate_limited when the lists are full of grants that count.
        """
        entry = other_grant_of(grant, self.ports.actions)
        if entry is None:
            return ()
        read = [self.read[key] for key in self._keys.own]  # a KeyError is better than a grant without its entry
        changes = tuple(GrantListUpdate(each, each.at(self.now).with_entry(entry)) for each in read)
        if self._holders_of_too_many(changes):
            listed = {entry.grant_id for each in changes for entry in each.after.entries} - {grant.id}
            ended = listed - self._counted(listed)
            changes = tuple(each._replace(after=each.after.without(ended)) for each in changes)
        if holders := self._holders_of_too_many(changes):
            detail = f"{holders} too many active grants that could be combined."
            raise Problem("rate_limited", detail, "Wait until some have ended.", headers={"Retry-After": "60"})
        return changes

    def _holders_of_too_many(self, changes: Collection[GrantListUpdate]) -> str:
        """Return who has more grants than fit into a list, with the verb, or "" if all fit."""
        if any(entries_of_unit(self.who, each.after) > MAX_ENTRIES_OF_UNIT for each in changes):
            return f"{self.who.unit} has"
        full = any(each.after.full for each in changes)
        return "The agents of the human or of an owner have" if full else ""

    @property
    def _keys(self) -> ListKeys:
        return list_keys(self.who, self.ports.config)

    def _held(self, entry: ListedGrant) -> HeldActions:
        return HeldActions(entry.grant_id if entry.owner == self.who.owner_key else "", frozenset(entry.actions))
