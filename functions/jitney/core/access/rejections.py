"""Requests that reviewers rejected within the last day, and new requests that repeat them (row REV 12). Pure."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from unicodedata import normalize

from jitney.core.access.request import Permission
from jitney.core.masking.mask_tags import untagged
from jitney.core.patterns import MAX_REQUEST_STEPS, Budget, PatternTooComplex, patterns_intersect, wildcard_pattern
from jitney.core.times import iso

REJECTION_SECONDS = 24 * 3600
"""How long a rejection counts for new requests."""


class Rejection(NamedTuple):
    """A rejected request: its grant, the reviewer's source identity and comment, the time in epoch seconds.

    `changed` says what differed from an earlier rejection; "" without one.
    """

    grant_id: str
    by: str
    at: int
    comment: str
    permissions: tuple[Permission, ...] = ()
    changed: str = ""

    def view(self) -> dict[str, Any]:
        """Return the rejection as the API shows it."""
        return {
            "grant": self.grant_id,
            "by": self.by,
            "at": iso(self.at),
            "comment": self.comment,
            "until": iso(self.at + REJECTION_SECONDS),
        }


class RepeatedRequest(NamedTuple):
    """A rejection, and what is different in a new request, in the agent's words (`changed`)."""

    changed: str
    grant_id: str
    by: str
    at: int
    comment: str

    def view(self) -> dict[str, Any]:
        """Return both as the API shows them."""
        members = {"grant": self.grant_id, "by": self.by, "at": iso(self.at), "comment": self.comment}
        return members | {"changed": self.changed}


def equal_rejections(permissions: Iterable[Permission], rejections: Iterable[Rejection]) -> Iterator[Rejection]:
    """Yield the rejections that share an action on a resource with the permissions.

    So a smaller request, a larger one, or one with another reason or time still counts as a repeat. Patterns that are
    too complex to compare count as shared.
    """
    asked, budget = tuple(permissions), Budget(MAX_REQUEST_STEPS)
    for rejection in rejections:
        try:
            shared = have_in_common(asked, rejection.permissions, budget)
        except PatternTooComplex:
            shared = True
        if shared:
            yield rejection


def have_same_words(one: str, other: str) -> bool:
    """Return whether both texts say the same: their letters and digits are equal, in any case and spacing.

    Tags of masks differ between agents, and are left out. A text without letters and digits says nothing.
    """
    return _letters(one) == _letters(other)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, normalize("NFKC", untagged(text)).casefold()))


def have_in_common(ones: Iterable[Permission], others: Iterable[Permission], budget: Budget) -> bool:
    """Return whether both have an action on a resource in common. Raises PatternTooComplex when `budget` runs out."""
    others = tuple(others)
    return any(_overlap(one, other, budget) for one in ones for other in others)


def _overlap(one: Permission, other: Permission, budget: Budget) -> bool:
    return _any_in_common(
        [each.lower() for each in one.actions], [each.lower() for each in other.actions], budget
    ) and _any_in_common(one.resources, other.resources, budget)


def _any_in_common(ones: Iterable[str], others: Iterable[str], budget: Budget) -> bool:
    compiled = [wildcard_pattern(each) for each in others]
    return any(patterns_intersect(wildcard_pattern(one), other, budget) for one in ones for other in compiled)
