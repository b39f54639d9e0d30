"""The principal: an issuer and a subject, their AWS source identity, and what their provider says about them."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from jitney.core.stored_identity import Identity, identity_of, name_of

TagValue: TypeAlias = str | int | bool | tuple[str, ...]
ClaimTags: TypeAlias = tuple[tuple[str, TagValue], ...]
"""Claims that policies see, by name."""


class IdentityFact(NamedTuple):
    """A signed claim that identifies the requester to people, such as ("Role", "reader")."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Principal:
    r"""An agent or a human, authenticated by a token.

    `issuer` and `subject` are the identity. `display` is for people to read and decides nothing. `issuer_name` is the
    issuer's alias in the configuration. `groups` begin with that alias ("corp/data-agents"), so that equal names of two
    issuers stay distinct. `source_identity` maps one-to-one to (issuer, subject) and matches `[\w+=,.@-]{2,64}`. `unit`
    is the accountable unit, such as a repository. Quotas count by it. The unit contains only what the holder of the
    token cannot choose, and has the form of a source identity. If no larger unit is known, it is the principal's source
    identity. `human` is the person that an agent acts for, or None. `kind` is "agent" for machines and "human" for
    people. `agent_owners` are the agent's owners in the configuration. `facts` are the provider's facts for reviewers,
    the most important first. `tags` are the claims that policies see.
    """

    issuer: str
    issuer_name: str
    subject: str
    kind: Literal["agent", "human"]
    groups: frozenset[str]
    display: str
    source_identity: str
    unit: str
    human: Identity | None = None
    agent_owners: tuple[Identity, ...] = ()
    facts: tuple[IdentityFact, ...] = ()
    tags: ClaimTags = ()

    @property
    def identity(self) -> Identity:
        """The identity, to compare with stored ones."""
        return identity_of(self.source_identity, self.issuer)

    @property
    def owner_key(self) -> str:
        """The key of the owner of this principal's grants, as `owner_key` (ID 10)."""
        return owner_key(self.identity, self.human)

    @property
    def unit_key(self) -> str:
        """The key of the accountable unit, as `unit_key`."""
        return unit_key(self.unit, self.source_identity, self.issuer)

    @property
    def quota_key(self) -> str:
        """The key by which limits count: the accountable unit, for one human."""
        return quota_key(self.unit_key, self.human)


def unit_key(unit: str, source_identity: str, issuer: str) -> str:
    """Return the key of a principal's accountable unit. It is the same under another alias of `issuer`.

    The key of a principal without a larger unit has a different form. So no subject can share another unit's limits by
    its name.
    """
    return f"{'AGENT' if unit == source_identity else 'UNIT'}#{identity_of(unit, issuer).digest}"


def owner_key(agent: Identity, human: Identity | None, human_name: str = "") -> str:
    """Return the key of the owner of grants: an agent, for one human. No source identity contains "#".

    It begins with both names. The digests at its end distinguish it from others who had these names. If the human's
    issuer is not known, give `human_name`: the result is then a prefix of the key.
    """
    return f"{agent.name}#{name_of(human) or human_name}#{agent.digest[:8]}{human.digest[:8] if human else ''}"


def owner_names(key: str) -> str:
    """Return the names in the key of an owner, without the digests."""
    return key.rpartition("#")[0]


def quota_key(unit: str, human: Identity | None) -> str:
    """Return the key by which limits count: a unit's key, for one human.

    The people of one agent do not share a limit, because an agent cannot choose whose token it gets.
    """
    return f"{unit}#{human.digest if human else ''}"


def rejection_key(unit: str, human: Identity | None) -> str:
    """Return the key by which rejected requests count: the human's, or the unit's if there is no human.

    So a person cannot repeat a rejected request, by themself or through another agent, to a reviewer who does not know
    of it.
    """
    return quota_key(unit_key(human.name, human.name, human.issuer) if human else unit, None)
