"""The result of a verification: what is broken, and what was checked."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from jitney.core.integrity.contents import RecordPosition
from jitney.core.integrity.seals import Seal

MOST_NAMED = 5
"""How many records one sentence names. `IntegrityBreak.records` has all of them."""


class VerificationResult(StrEnum):
    """The result in one word. If there are failures and unreadable evidence, the result is BROKEN."""

    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class IntegrityBreak:
    """A difference from what was sealed or written: a sentence, and the seal, object and records that it is about.

    `grants` are the grants of calls that differ.
    """

    sentence: str
    seal: int | None = None
    object: str = ""
    records: tuple[RecordPosition, ...] = ()
    grants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Extent:
    """What was checked: the number of valid seals, and how much they cover.

    `sealed_chains` are the chains with sealed records. `waiting` are the objects without a seal. `reconciled` says
    whether these were compared with the audit table. `unread` counts sealed objects that were listed but not read.
    `calls` counts the compared calls, or is None if calls were not compared. `compared` counts the sealed records that
    were compared with the audit table, or is None if it was not read. `definitions` counts the compared tables, views
    and queries of Athena, or is None if they were not read. `older_calls` counts objects of calls that are too old to
    compare.
    """

    seals: int = 0
    first: Seal | None = None
    last: Seal | None = None
    objects: int = 0
    records: int = 0
    chains: int = 0
    unsealed_objects: int = 0
    unsealed_records: int = 0
    sealed_chains: frozenset[str] = frozenset()
    waiting: frozenset[str] = frozenset()
    reconciled: bool = False
    unread: int = 0
    calls: int | None = None
    compared: int | None = None
    definitions: int | None = None
    older_calls: int = 0


@dataclass(frozen=True, slots=True)
class Findings:
    """The failures, earliest first. `unverified` says what could not be verified, and why."""

    breaks: tuple[IntegrityBreak, ...]
    unverified: tuple[str, ...]
    extent: Extent

    @property
    def verdict(self) -> VerificationResult:
        """The result in one word."""
        if self.breaks:
            return VerificationResult.BROKEN
        return VerificationResult.UNVERIFIED if self.unverified else VerificationResult.VERIFIED

    def with_definitions(self, changed: Iterable[str], unverified: Iterable[str], compared: int) -> "Findings":
        """Return the findings with those about Athena's tables, views and queries, as sentences.

        `compared` counts these definitions.
        """
        return replace(
            self,
            breaks=(*(IntegrityBreak(each) for each in changed), *self.breaks),
            unverified=(*self.unverified, *unverified),
            extent=replace(self.extent, definitions=compared or None),
        )


def describe_records(records: tuple[RecordPosition, ...]) -> str:
    """Return the records in words: "record 2 of g-x, record 0 of r-y and 7 more"."""
    words = [str(each) for each in records[:MOST_NAMED]]
    if len(records) > MOST_NAMED:
        words.append(f"{len(records) - MOST_NAMED} more")
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
