"""The requests of one owner that are under review: equal ones are joined, and there are only so many (row REV 12).

They are one value with a stamp, which a new pending grant is written together with, and only while the stamp is still
the one that was read: of two equal requests at once the second finds the first. Nothing is written here when a review
ends; whoever asks for the next one looks at the grants that stand here.
"""

import hashlib
import json
from collections.abc import Collection
from typing import NamedTuple, Self

from jitney.core.access.grant import Grant, permissions_view
from jitney.core.audit import canonical


class PendingReview(NamedTuple):
    """One grant under review: what was asked for with it, and when its review ends (epoch seconds)."""

    grant_id: str
    request: str
    until: int


class PendingReviews(NamedTuple):
    """What an owner has under review; `stamp` is the grant that was entered last, "" if there was none."""

    owner: str
    stamp: str = ""
    entries: tuple[PendingReview, ...] = ()

    @classmethod
    def read(cls, owner: str, stamp: str, text: str) -> Self:
        """The entries in `text`. Raises ValueError or TypeError when they are none."""
        return cls(owner, stamp, tuple(PendingReview(*each) for each in json.loads(text)))

    def text(self) -> str:
        """The entries as `read` takes them."""
        return json.dumps(self.entries, separators=(",", ":"))

    def at(self, now: int) -> Self:
        """Without the reviews whose time is over."""
        return self._replace(entries=tuple(each for each in self.entries if each.until > now))

    def without(self, ended: Collection[str]) -> Self:
        """Without the grants of these ids."""
        return self._replace(entries=tuple(each for each in self.entries if each.grant_id not in ended))

    def entered(self, grant: Grant) -> Self:
        """With one more grant, which is pending."""
        entry = PendingReview(grant.id, request_hash(grant), grant.expires_at)
        return self._replace(stamp=grant.id, entries=(*self.entries, entry))

    def equal_to(self, grant: Grant) -> tuple[str, ...]:
        """The ids of the grants that were asked for in the same words as `grant`."""
        return tuple(each.grant_id for each in self.entries if each.request == request_hash(grant))


class PendingReviewsUpdate(NamedTuple):
    """What an owner has under review as it was read, and with a new grant."""

    before: PendingReviews
    after: PendingReviews


def request_hash(grant: Grant) -> str:
    """SHA-256, in hexadecimal, of what a new grant was asked for: target, permissions, duration, reason and ticket."""
    asked = {
        "target": grant.target,
        "permissions": permissions_view(grant.permissions),
        "duration_seconds": grant.duration_seconds,
        "reason": grant.reason,
        "ticket": grant.ticket,
    }
    return hashlib.sha256(canonical(asked).encode()).hexdigest()
