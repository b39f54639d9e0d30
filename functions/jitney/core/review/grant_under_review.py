"""A grant, with what determines who may judge it: configuration and suspensions (rows REV 5, ID 10, END 8). Pure."""

from dataclasses import dataclass, replace
from typing import Self

from jitney.core.access.grant import Grant
from jitney.core.access.suspensions import Suspensions
from jitney.core.config import Config
from jitney.core.identity.requester import Requester, person_name


@dataclass(frozen=True, slots=True)
class GrantUnderReview:
    """A grant, the present configuration and the present suspensions.

    Every function that judges a person's rights takes this type. So none can forget the agent's present owners or the
    suspensions. A grant alone has only the owners at the time of the request. `grant` is revoked here if a suspension
    ended it, even if the store does not say so yet.
    """

    grant: Grant
    config: Config
    suspensions: Suspensions

    def __post_init__(self) -> None:
        object.__setattr__(self, "grant", self.suspensions.applied(self.grant))

    @property
    def requesters(self) -> frozenset[str]:
        """The requesters: the agent, its human, and its owners, both at the request and now.

        None of them may decide about it. Values are source identities.
        """
        grant = self.grant
        owners = self.config.owners_of(grant.issuer_name, grant.subject)
        return frozenset({grant.principal, grant.human or grant.principal, *grant.agent_owners, *owners})

    @property
    def requester(self) -> Requester:
        """The requester, for people to read."""
        grant = self.grant
        return Requester(
            name=grant.requester_name,
            facts=grant.facts,
            subject=grant.subject,
            issuer=grant.issuer,
            unit=grant.unit,
            principal=grant.principal,
            human=grant.human or "",
            human_name=person_name(grant.human, self.config) if grant.human else "",
        )

    def with_grant(self, grant: Grant) -> Self:
        """The same review with another version of its grant."""
        return replace(self, grant=grant)
