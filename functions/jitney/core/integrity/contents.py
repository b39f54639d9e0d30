"""The contents of an object of published records: JSON lines, each a record of a chain."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from jitney.core.record_texts import canonical


@dataclass(frozen=True, slots=True, order=True)
class RecordPosition:
    """The position of a record: its chain and its number in the chain."""

    chain: str
    seq: int

    def __str__(self) -> str:
        return f"record {self.seq} of {self.chain}"


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as it is stored, with its grant or "". `intact` says whether its hash matches its content."""

    position: RecordPosition
    hash: str
    prev: str
    intact: bool
    grant_id: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """An object: the SHA-256 of its bytes, its records in order, and the numbers of the lines that are not records."""

    digest: str
    entries: tuple[StoredRecord, ...]
    invalid_lines: tuple[int, ...] = ()


def read_contents(body: bytes) -> Contents:
    """Return the contents of an object. Any bytes are accepted."""
    entries, invalid_lines = [], []
    for number, line in enumerate(body.split(b"\n"), 1):
        if line:
            try:
                entries.append(_entry(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                invalid_lines.append(number)
    return Contents(hashlib.sha256(body).hexdigest(), tuple(entries), tuple(invalid_lines))


def _entry(members: dict[str, Any]) -> StoredRecord:
    claimed = members.pop("hash")
    chain, seq, prev = members["chain"], members["seq"], members["prev"]
    if not (isinstance(chain, str) and type(seq) is int and isinstance(prev, str) and isinstance(claimed, str)):
        raise TypeError("a record's members have wrong types")
    if seq < 0:
        raise ValueError("a chain starts at 0")
    claimed.encode()  # a seal is UTF-8, which cannot encode all of JSON's strings
    digest = hashlib.sha256(canonical(members).encode()).hexdigest()
    return StoredRecord(RecordPosition(chain, seq), claimed, prev, digest == claimed, str(members.get("grant_id", "")))
