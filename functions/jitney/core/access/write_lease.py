"""The state of the leases to write a role's deny document, as the state table stores it. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jitney.core.access.cut_offs import CutOffs
from jitney.core.access.document_times import DocumentTimes
from jitney.core.stored_types import listed, with_types
from jitney.core.times import are_times

LEASE_SECONDS = 20
MOST_DIGESTS = 4
"""How many digests of its own documents the table keeps. IAM may return an earlier document for some seconds."""
ATTRIBUTES = (
    *("last_acquired", "last_completed", "busy_until", "document_digest"),
    *("cut_offs", "document_times", "own_digests", "unknown_until"),
)
"""The attributes of the item that `lease_of` reads."""


@dataclass(frozen=True, slots=True)
class WriteLease:
    """The state of a role's leases. `document_digest` is the digest of the last written document.

    `acquired_at` is when the present lease was acquired (epoch seconds), or 0. Its holder read no entry before that
    time. `own_digests` are the digests of the last documents that were written, or announced before a write, the newest
    first. Until `unknown_until`, a document of another table may be in IAM.
    """

    last_acquired: int = 0
    last_completed: int = 0
    document_digest: str = ""
    cut_offs: CutOffs = field(default_factory=CutOffs)
    acquired_at: int = 0
    document_times: DocumentTimes = field(default_factory=DocumentTimes)
    own_digests: tuple[str, ...] = ()
    unknown_until: int = 0

    def has_written(self, digest: str) -> bool:
        """Return whether this table recently wrote or announced the document with this digest."""
        return digest in (self.document_digest, *self.own_digests)

    def digests_with(self, digest: str) -> tuple[str, ...]:
        """Return `own_digests` with one more document."""
        return (digest, *(each for each in self.own_digests if each != digest))[:MOST_DIGESTS]


def lease_of(item: Mapping[str, Any]) -> WriteLease:
    """Return the lease in an item. Raises LookupError, TypeError or ValueError for an item of another form."""
    found = WriteLease(
        last_acquired=int(item.get("last_acquired", {"N": "0"})["N"]),
        last_completed=int(item.get("last_completed", {"N": "0"})["N"]),
        document_digest=item.get("document_digest", {"S": ""})["S"],
        cut_offs=CutOffs(*json.loads(item.get("cut_offs", {"S": "[]"})["S"])),
        acquired_at=int(item["busy_until"]["N"]) - LEASE_SECONDS if "busy_until" in item else 0,
        document_times=DocumentTimes(*json.loads(item.get("document_times", {"S": "[]"})["S"])),
        own_digests=listed(json.loads(item.get("own_digests", {"S": "[]"})["S"])),
        unknown_until=int(item.get("unknown_until", {"N": "0"})["N"]),
    )
    lease = with_types(found)
    numbers = lease.last_acquired, lease.last_completed, lease.acquired_at, lease.unknown_until
    if not are_times(*numbers, lease.cut_offs.role, *lease.cut_offs.units.values()):
        raise ValueError("a number that no lease has")
    return lease
