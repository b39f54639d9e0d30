"""The grant together with the configuration that decides who may judge it (rows REV 5, ID 10). Pure."""

from dataclasses import dataclass, replace
from typing import Self

from jitney.core.access.grant import Grant
from jitney.core.config import Config
from jitney.core.identity.requester import Requester, escape_name


@dataclass(frozen=True, slots=True)
class GrantUnderReview:
    """A grant and the present configuration.

    Every function that judges a person's rights takes this type, so that the agent's present owners cannot be
    forgotten: a grant alone knows only who owned the agent when it asked.
    """

    grant: Grant
    config: Config

    @property
    def requesters(self) -> frozenset[str]:
        """The people whose own request it is: the agent, its human, and its owners, at the request and now.

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
            human_name=escape_name(self.config.name_of(grant.human)) if grant.human else "",
        )

    def with_grant(self, grant: Grant) -> Self:
        """The same review with another version of its grant."""
        return replace(self, grant=grant)
