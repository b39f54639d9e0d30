"""What an object of published records holds: lines of JSON, of which each is a link of a chain."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from jitney.core.audit import canonical


@dataclass(frozen=True, slots=True, order=True)
class RecordPosition:
    """Where a record belongs: its chain and its number in it."""

    chain: str
    seq: int

    def __str__(self) -> str:
        return f"record {self.seq} of {self.chain}"


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as a link: its hash and its predecessor's as it says them; `intact` if the hash is that of the rest."""

    place: RecordPosition
    hash: str
    prev: str
    intact: bool


@dataclass(frozen=True, slots=True)
class Contents:
    """An object: SHA-256 over its bytes, its records in their order, and the numbers of lines that are no record."""

    digest: str
    entries: tuple[StoredRecord, ...]
    invalid_lines: tuple[int, ...] = ()


def read_contents(body: bytes) -> Contents:
    """What the bytes of an object hold. Whatever they are, it raises nothing."""
    entries, strange = [], []
    for number, line in enumerate(body.split(b"\n"), 1):
        if line:
            try:
                entries.append(_entry(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                strange.append(number)
    return Contents(hashlib.sha256(body).hexdigest(), tuple(entries), tuple(strange))


def _entry(members: dict[str, Any]) -> StoredRecord:
    claimed = members.pop("hash")
    chain, seq, prev = members["chain"], members["seq"], members["prev"]
    if not (isinstance(chain, str) and type(seq) is int and isinstance(prev, str) and isinstance(claimed, str)):
        raise TypeError("a link's members are of other types")
    if seq < 0:
        raise ValueError("a chain begins with 0")
    claimed.encode()  # what UTF-8 cannot say, no seal can name
    digest = hashlib.sha256(canonical(members).encode()).hexdigest()
    return StoredRecord(RecordPosition(chain, seq), claimed, prev, digest == claimed)
