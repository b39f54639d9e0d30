"""What a check of the records comes to: what is broken, in words, and how far the proof reaches."""

from dataclasses import dataclass
from enum import StrEnum

from jitney.core.integrity.contents import RecordPosition
from jitney.core.integrity.seals import Seal

MOST_NAMED = 5
"""So many records are named in one sentence; `Break.records` has all."""


class VerificationResult(StrEnum):
    """Broken beats unproven: what is known to be wrong is wrong, whatever else could not be read."""

    HOLDS = "holds"
    UNPROVEN = "unverified"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class IntegrityBreak:
    """Something that is not as it was sealed: what, in a sentence, and which seal, object and records it is about."""

    sentence: str
    seal: int | None = None
    object: str = ""
    records: tuple[RecordPosition, ...] = ()


@dataclass(frozen=True, slots=True)
class Extent:
    """What was looked at: seals with the first and the last that hold, and counts of what they cover."""

    seals: int = 0
    first: Seal | None = None
    last: Seal | None = None
    objects: int = 0
    records: int = 0
    chains: int = 0
    unsealed_objects: int = 0
    unsealed_records: int = 0


@dataclass(frozen=True, slots=True)
class Findings:
    """The breaks, first things first; `unproven` says why nothing, or not everything, could be proven."""

    breaks: tuple[IntegrityBreak, ...]
    unproven: tuple[str, ...]
    extent: Extent

    @property
    def verdict(self) -> VerificationResult:
        """The one word."""
        if self.breaks:
            return VerificationResult.BROKEN
        return VerificationResult.UNPROVEN if self.unproven else VerificationResult.HOLDS


def describe_records(records: tuple[RecordPosition, ...]) -> str:
    """The records in words: "record 2 of g-x, record 0 of r-y and 7 more"."""
    words = [str(each) for each in records[:MOST_NAMED]]
    if len(records) > MOST_NAMED:
        words.append(f"{len(records) - MOST_NAMED} more")
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
