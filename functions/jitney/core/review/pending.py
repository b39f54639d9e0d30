"""One owner's pending reviews: equal requests are joined, and their number is limited (row REV 12). Pure.

They are one versioned value. A new pending grant is written together with it, provided that the version is the one that
was read. So of two equal requests at the same time, the second finds the first. Ended reviews are removed with the next
request.
"""

import hashlib
import json
from collections.abc import Collection
from typing import NamedTuple, Self

from jitney.core.access.grant import Grant, permissions_view
from jitney.core.audit import canonical


class PendingReview(NamedTuple):
    """One pending grant: the hash of its request, and when its review ends (epoch seconds)."""

    grant_id: str
    request: str
    until: int


class PendingReviews(NamedTuple):
    """An owner's pending reviews. `version` is the id of the grant that was added last, or ""."""

    owner: str
    version: str = ""
    entries: tuple[PendingReview, ...] = ()

    @classmethod
    def read(cls, owner: str, version: str, text: str) -> Self:
        """Return the entries in `text`. Raises ValueError or TypeError."""
        return cls(owner, version, tuple(PendingReview(*each) for each in json.loads(text)))

    def text(self) -> str:
        """Return the text that `read` takes."""
        return json.dumps(self.entries, separators=(",", ":"))

    def at(self, now: int) -> Self:
        """Return the entries whose review has not ended by time."""
        return self._replace(entries=tuple(each for each in self.entries if each.until > now))

    def without(self, ended: Collection[str]) -> Self:
        """Return the entries without the grants of these ids."""
        return self._replace(entries=tuple(each for each in self.entries if each.grant_id not in ended))

    def with_grant(self, grant: Grant) -> Self:
        """Return the entries with one more pending grant."""
        entry = PendingReview(grant.id, request_hash(grant), grant.expires_at)
        return self._replace(version=grant.id, entries=(*self.entries, entry))

    def equal_to(self, grant: Grant) -> tuple[str, ...]:
        """Return the ids of the grants with the same request as `grant`."""
        return tuple(each.grant_id for each in self.entries if each.request == request_hash(grant))


class PendingReviewsUpdate(NamedTuple):
    """An owner's pending reviews as they were read, and with a new grant."""

    before: PendingReviews
    after: PendingReviews


def request_hash(grant: Grant) -> str:
    """Return the SHA-256, in hexadecimal, of a request: target, permissions, duration, reason and ticket."""
    members = {
        "target": grant.target,
        "permissions": permissions_view(grant.permissions),
        "duration_seconds": grant.duration_seconds,
        "reason": grant.reason,
        "ticket": grant.ticket,
    }
    return hashlib.sha256(canonical(members).encode()).hexdigest()
