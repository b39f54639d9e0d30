"""The principal: issuer and subject, and how they become an AWS source identity."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Principal:
    r"""Somebody proven by a token.

    `issuer` and `subject` are the identity; `display` is for people to read and decides nothing.
    `issuer_name` is the issuer's alias in the configuration; `groups` are prefixed with it ("corp/data-agents"), so
    that two issuers' groups of the same name stay apart. `source_identity` stands for (issuer, subject) one-to-one and
    fits `[\w+=,.@-]{2,64}`. `human` is the person on whose behalf an agent asks, as a source identity, or None.
    `kind` is "agent" for machines and "human" for people. `agent_owners` are the people who the configuration says own it.
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
    def owner(self) -> str:
        """Whose a grant is: the principal and the human it acts for, together (ID 10). "#" is in no source identity."""
        return f"{self.source_identity}#{self.human or ''}"
