"""Compares records with the audit table.

A record in S3 is protected by its seal, within the hour. Until then, anyone who can write to the bucket could forge,
change or delete it, and the seal then covers the result. The audit table has every record before S3 has it, and a
change of the table raises an alarm. So sealed records are compared, too, as long as the table keeps them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import NamedTuple

from jitney.core.integrity.contents import Contents, RecordPosition, StoredRecord
from jitney.core.integrity.findings import IntegrityBreak, describe_records
from jitney.core.integrity.object_names import day_of
from jitney.core.integrity.seals import SKEW_SECONDS
from jitney.core.times import iso, utc_date

ARRIVAL_SECONDS = 900
"""Records arrive in S3 within a minute. A record that is not there after this time is missing."""


class WrittenRecord(NamedTuple):
    """A record in the audit table: its position, its hash, and when it was written (epoch seconds)."""

    position: RecordPosition
    hash: str
    time: int


@dataclass(frozen=True, slots=True)
class TableEvidence:
    """The records of the audit table: `held` are those that S3 claims to hold, and the next ones of the same chains.

    `recent` are the records of the last 24 hours. `recent` comes from the table's stream, so it includes records that
    are not in S3. `sealed_since` is the time (epoch seconds) from which sealed records were looked up: the table keeps
    no earlier ones. It is None if there were too many.
    """

    held: Mapping[RecordPosition, WrittenRecord]
    recent: tuple[WrittenRecord, ...] = ()
    sealed_since: int | None = None

    def was_looked_up(self, record: StoredRecord) -> bool:
        """Return whether the table must have a sealed record. A record without a readable time counts as new."""
        return self.sealed_since is not None and (record.time is None or record.time >= self.sealed_since)


def reconcile(
    objects: Mapping[str, Contents], table: TableEvidence, seals: Mapping[str, int] = MappingProxyType({})
) -> Iterator[IntegrityBreak]:
    """Yield the differences between objects and the audit table. `seals` are the numbers of the objects' seals."""
    for key, found in sorted(objects.items()):
        differences: dict[str, list[RecordPosition]] = {}
        for each in found.entries:
            if words := _difference(each, table.held.get(each.position), day_of(key)):
                differences.setdefault(words, []).append(each.position)
        for words, positions in differences.items():
            named = tuple(dict.fromkeys(positions))
            yield IntegrityBreak(f"In {key}, {describe_records(named)}: {words}.", seals.get(key), key, named)


_FORGED = "forged, because the audit table has no such record"
_CHANGED = "changed before the seal, because the audit table has other content"
_MOVED = "moved, because the object's day is before the record was written"


def _difference(record: StoredRecord, written: WrittenRecord | None, day: date | None) -> str:
    if written is None:
        return _FORGED
    if not record.intact or record.hash != written.hash:
        return _CHANGED
    return _MOVED if day is not None and day < utc_date(written.time - SKEW_SECONDS) else ""


def missing_records(
    written: Iterable[WrittenRecord],
    published: Collection[RecordPosition],
    *,
    since: date | None,
    until: date | None,
    now: int,
) -> Iterator[IntegrityBreak]:
    """Yield one failure if recent records of the table are not in S3.

    `published` are the records of objects and seals of the days from `since` to `until`. A day that has ended may be
    without its last records, because they arrive on the next day. So no record is reported as missing if `until` has
    ended.
    """
    if until is not None and until < utc_date(now):
        return
    absent = sorted(
        each
        for each in set(written)
        if each.time <= now - ARRIVAL_SECONDS
        and (since is None or utc_date(each.time) >= since)
        and each.position not in published
    )
    if absent:
        named = tuple(each.position for each in absent)
        first = iso(min(each.time for each in absent))
        yield IntegrityBreak(
            f"Missing in S3: {describe_records(named)}. The audit table has them, from {first} on. They were deleted "
            "from S3, or never published: `jitney audit redrive` publishes them again.",
            None,
            "",
            named,
        )
