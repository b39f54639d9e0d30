"""A grant, with the configuration and suspensions that say who may decide about it (rows REV 5, ID 10, END 8). Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Self

from jitney.core.access.grant import OPEN_STATES, Grant, GrantEnd, State
from jitney.core.access.suspension_entry import Suspension
from jitney.core.access.suspensions import Suspensions
from jitney.core.config import Config
from jitney.core.identity.requester import Requester, person_name
from jitney.core.masking.masked_comment import MaskedComment
from jitney.core.stored_identity import Identity, name_of


@dataclass(frozen=True, slots=True)
class GrantUnderReview:
    """A grant, the present configuration and the present suspensions. The grant of one call has a `parent`.

    Every function that checks a person's rights takes this type. So none can forget the agent's present owners or the
    suspensions. A grant alone has only the owners at the time of the request. `grant` is revoked here if a suspension
    ended it, even if the store does not say so yet. `parent` is the grant that a call is made in. The grant of the call
    ends here when its parent ends (`with_first_end`). Raises ValueError for a call without its parent.
    """

    grant: Grant
    config: Config
    suspensions: Suspensions
    parent: Grant | None = None

    def __post_init__(self) -> None:
        call, parent = self.grant.call, self.parent
        if call and (parent is None or parent.id != call.grant_id):
            raise ValueError("a call is judged with the grant that it is made in")
        object.__setattr__(self, "grant", with_first_end(self.grant, self.suspensions, parent if call else None))

    @property
    def requesters(self) -> frozenset[Identity]:
        """The requesters: the agent, its human, and its owners, both at the request and now.

        None of them may decide about it. The owners now are those in each entry of the agent's issuer, and in the entry
        that has the name of the request's entry now.
        """
        grant = self.grant
        owners = self.config.owners_of(grant.issuer_name, grant.subject)
        return self.people_behind.union({grant.agent}, grant.agent_owners, owners)

    @property
    def people_behind(self) -> frozenset[Identity]:
        """The agent's human, and its owners now. They may revoke what it got; a former owner may not."""
        grant, config = self.grant, self.config
        owners = (config.owners_of(each.name, grant.subject) for each in config.entries(grant.issuer))
        return frozenset({grant.human or grant.agent}.union(*owners))

    def without(self, names: Iterable[str], excluded: Collection[Identity]) -> frozenset[str]:
        """Return the people with these names in the configuration, without `excluded`."""
        return frozenset(each for each in names if self.config.identity_of(each) not in excluded)

    def is_among(self, person: Identity, names: Iterable[str]) -> bool:
        """Return whether the configuration gives the person one of these names."""
        return any(self.config.identity_of(each) == person for each in names)

    def is_trusted(self, person: Identity) -> bool:
        """Return whether the person's issuer is still configured, and no suspension covers the person."""
        return bool(self.config.entries(person.issuer)) and not self.suspensions.covers_person(person)

    def current_names(self, people: Iterable[Identity]) -> frozenset[str]:
        """Return the names of the people whose stored name the configuration has given to no other person."""
        return frozenset(each.name for each in people if self.config.identity_of(each.name) == each)

    @property
    def requester(self) -> Requester:
        """The requester, for people to read."""
        return requester_of_grant(self.grant, self.config)

    def with_grant(self, grant: Grant) -> Self:
        """Return the same review with another version of its grant."""
        return replace(self, grant=grant)


def requester_of_grant(grant: Grant, config: Config) -> Requester:
    """Return the requester of a grant, for people to read."""
    return Requester(
        name=grant.requester_name,
        facts=grant.facts,
        subject=grant.subject,
        issuer=grant.issuer,
        unit=grant.unit,
        principal=grant.principal,
        human=name_of(grant.human),
        human_name=person_name(grant.human.name, config) if grant.human else "",
        owners=tuple(each.name for each in grant.agent_owners),
    )


def with_first_end(grant: Grant, suspensions: Suspensions, parent: Grant | None) -> Grant:
    """Return the grant with its first end: by a suspension, or with `parent`, the grant that a call is made in.

    A grant that is not for a call has no `parent`. An open grant that nothing ended is the same object.
    """
    suspended = suspensions.applied(grant)
    if parent is None:
        return suspended
    child = ended_with(grant, suspensions.applied(parent))
    if suspended.ending is None or (child.ending and child.ending.at < suspended.ending.at):
        return child
    return suspended


def suspension_that_ended(grant: Grant, suspensions: Suspensions, parent: Grant | None) -> Suspension | None:
    """Return the suspension that gave the open grant its first end (`with_first_end`), or None."""
    suspension = suspensions.ending(grant)
    if suspension is None:
        return None
    first = with_first_end(grant, suspensions, parent)
    return suspension if first.ending == suspensions.applied(grant).ending else None


def ended_with(grant: Grant, parent: Grant) -> Grant:
    """Return the grant of a call, ended if `parent`, the grant that the call is made in, has ended.

    The grant's `ends_by` is not after the end of `parent`. So an expiry of `parent` needs no check here.
    """
    if grant.state not in OPEN_STATES or parent.state in (State.ACTIVE, State.EXPIRED):
        return grant
    if parent.ending is None:
        return grant.move(State.FAILED)
    why = f"grant {parent.id} was {parent.state}: {parent.ending.reason}" if parent.ending.reason else ""
    return grant.end(parent.ending.state, GrantEnd(parent.ending.at, parent.ending.by, MaskedComment(why)))
