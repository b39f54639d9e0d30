"""The principal: an issuer and a subject, and their AWS source identity."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Principal:
    r"""An agent or a human, verified by a token.

    `issuer` and `subject` are the identity. `display` is for people to read and decides nothing. `issuer_name` is the
    issuer's alias in the configuration. `groups` have it as prefix ("corp/data-agents"), so that equal names of two
    issuers stay distinct. `source_identity` maps one-to-one to (issuer, subject) and matches `[\w+=,.@-]{2,64}`.
    `human` is the person on whose behalf an agent asks, as a source identity, or None. `kind` is "agent" for machines
    and "human" for people. `agent_owners` are the agent's owners by the configuration.
    """

    issuer: str
    issuer_name: str
    subject: str
    kind: Literal["agent", "human"]
    groups: frozenset[str]
    display: str
    source_identity: str
    human: str | None = None
    agent_owners: tuple[str, ...] = ()

    @property
    def owner_key(self) -> str:
        """The key of the owner of this principal's grants: principal and human (ID 10).

        No source identity contains "#".
        """
        return f"{self.source_identity}#{self.human or ''}"
