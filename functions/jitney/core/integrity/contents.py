"""The contents of an object of published records: JSON lines, each a record of a chain."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from jitney.core.records.chain_numbers import MAX_SEQ
from jitney.core.records.record_texts import hashed_text
from jitney.core.times import epoch

T = TypeVar("T")


@dataclass(frozen=True, slots=True, order=True)
class RecordPosition:
    """The position of a record: its chain and its number in the chain."""

    chain: str
    seq: int

    def __str__(self) -> str:
        return f"record {self.seq} of {self.chain}"


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as it is stored, with its grant or "".

    `intact` says whether its hash matches its content, and whether it is canonical JSON. Other JSON could be read
    in two ways: of two members with one name, Athena may take the first and Jitney the last. `time` is in epoch
    seconds, or None if it is unreadable.
    """

    position: RecordPosition
    hash: str
    prev: str
    intact: bool
    grant_id: str = ""
    time: int | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """An object: the SHA-256 of its bytes, its records in order, and the numbers of the lines that are not records."""

    digest: str
    entries: tuple[StoredRecord, ...]
    invalid_lines: tuple[int, ...] = ()


def read_contents(body: bytes) -> Contents:
    """Return the contents of an object. Any bytes are accepted."""
    return Contents(hashlib.sha256(body).hexdigest(), *read_lines(body, read_record))


def read_lines(body: bytes, read: Callable[[bytes], T | None]) -> tuple[tuple[T, ...], tuple[int, ...]]:
    """Return what `read` finds in the lines of an object, and the numbers of the lines where it finds nothing."""
    found = [(number, read(line)) for number, line in enumerate(body.split(b"\n"), 1) if line]
    return tuple(each for _, each in found if each), tuple(number for number, each in found if not each)


def read_record(line: bytes) -> StoredRecord | None:
    """Return the record in a line; None for other bytes."""
    found = parse_record(line)
    return found and found[0]


def parse_record(line: bytes) -> tuple[StoredRecord, dict[str, Any]] | None:
    """Return the record in a line, and its members; None for other bytes."""
    try:
        members = json.loads(line)
        claimed, chain, seq, prev = members["hash"], members["chain"], members["seq"], members["prev"]
        if not (isinstance(chain, str) and type(seq) is int and isinstance(prev, str) and isinstance(claimed, str)):
            return None
        if not 0 <= seq <= MAX_SEQ:
            return None
        claimed.encode()  # a seal is UTF-8, which cannot encode all of JSON's strings
        text, digest = hashed_text(members)
        intact = digest == claimed and text.encode() == line
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    grant_id, at = str(members.get("grant_id", "")), _time(members.get("time"))
    return StoredRecord(RecordPosition(chain, seq), claimed, prev, intact, grant_id, at), members


def _time(text: object) -> int | None:
    try:
        return epoch(text) if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None
