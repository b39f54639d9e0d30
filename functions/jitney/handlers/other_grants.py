"""What is held besides the grant that is decided on: read only for requests that could complete a way (row POL 5)."""

from dataclasses import dataclass, field

from jitney.core.access.grant import Grant
from jitney.core.access.other_grants import (
    OtherGrant,
    OtherGrants,
    OtherGrantsUpdate,
    identities_of,
    is_counted,
    other_grant_of,
)
from jitney.core.policy.risks import HeldActions, completed_escalations
from jitney.core.problems import Problem
from jitney.handlers.ports import Ports


@dataclass(slots=True)
class OtherGrantsLookup:
    """The other grants of an agent and of the human it acts for, in one account; a `jitney.core.policy.risks.HeldActionsLookup`.

    Only those of this very agent for this very human may be named to the caller. `grant_id` is the grant that is
    decided on again, "" for a new one: it is decided over those that were entered before it. Raises Problem unavailable
    when the store fails.
    """

    ports: Ports
    principal: str
    human: str | None
    account: str
    now: int
    grant_id: str = ""
    read: dict[str, OtherGrants] = field(default_factory=dict)

    def __call__(self, asked: frozenset[str]) -> tuple[HeldActions, ...]:
        """What is held besides that could matter when `asked` is asked for, as last written."""
        self.read = {identity: self.ports.store.holdings(identity) for identity in self._identities}
        entries = {entry.grant_id: entry for holdings in self.read.values() for entry in holdings.before(self.grant_id)}
        here = [entry for entry in entries.values() if entry.account == self.account and entry.until > self.now]
        possible = completed_escalations(
            asked,
            [HeldActions(each.grant_id, frozenset(each.actions)) for each in here],
            self.ports.actions.escalations,
        )
        if not any(gain.held for gain in possible):
            return ()
        return tuple(
            self._held(entry) for entry in here if is_counted(self.ports.store.grant(entry.grant_id), self.now)
        )

    def entering(self, grant: Grant) -> tuple[OtherGrantsUpdate, ...]:
        """What must be written with the new `grant` so that whoever is decided on next sees it.

        Raises Problem rate_limited when too much is held.
        """
        entry = other_grant_of(grant, self.ports.actions)
        if entry is None:
            return ()
        read = [self.read[identity] for identity in self._identities]  # KeyError rather than a grant without its entry
        changes = tuple(OtherGrantsUpdate(each, each.with_grant(entry, self.now)) for each in read)
        if any(each.after.full for each in changes):
            detail = "The same agent or person holds too many live grants that could be combined."
            raise Problem("rate_limited", detail, "Wait until some have ended.", headers={"Retry-After": "60"})
        return changes

    @property
    def _identities(self) -> tuple[str, ...]:
        return identities_of(self.principal, self.human)

    def _held(self, entry: OtherGrant) -> HeldActions:
        owner = f"{self.principal}#{self.human or ''}"
        return HeldActions(entry.grant_id if entry.owner == owner else "", frozenset(entry.actions))
