"""Keeps the id of the grant that was requested last."""

from dataclasses import dataclass


@dataclass(slots=True)
class GrantMemory:
    """Keeps the id, "" for none, in this process. `grant_cache.CachedGrant` also keeps it on disk."""

    grant_id: str = ""

    def remember(self, grant_id: str) -> None:
        """Keep this id. "" forgets it."""
        self.grant_id = grant_id
