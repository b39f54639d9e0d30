"""Keeps the id of the grant that was requested last."""

from dataclasses import dataclass
from typing import Protocol


class GrantMemory(Protocol):
    """Keeps the id of the grant that was requested last, "" for none. `grant_cache.CachedGrant` keeps it on disk."""

    grant_id: str

    def remember(self, grant_id: str) -> None:
        """Keep this id. "" forgets it."""
        ...


@dataclass(slots=True)
class ProcessMemory:
    """Keeps the id in this process only."""

    grant_id: str = ""

    def remember(self, grant_id: str) -> None:
        """Keep this id."""
        self.grant_id = grant_id
