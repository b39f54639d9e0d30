"""Orders and deduplicates the records of a grant, and warns of gaps in their chain.

The warnings show that a report is incomplete. They do not verify records: only `jitney audit verify` compares records
with their seals.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from jitney.core.records.audit import GENESIS_HASH
from jitney.core.report.published_lines import PublishedRecord

MOST_GAPS = 3


class Chain(NamedTuple):
    """The records of a grant's own chain, those of other chains that name the grant, and warnings as sentences."""

    records: tuple[PublishedRecord, ...]
    others: tuple[PublishedRecord, ...]
    warnings: tuple[str, ...]


def chain_of(grant_id: str, records: Iterable[PublishedRecord]) -> Chain:
    """Return the grant's chain. The order of `records` does not matter, and neither do repeated records."""
    found = sorted(set(records), key=_sort_key)
    own = tuple(each for each in found if each.chain == grant_id)
    others = tuple(each for each in found if each.chain != grant_id and each.grant_id == grant_id)
    return Chain(own, others, tuple(_warnings(own)))


def _sort_key(record: PublishedRecord) -> tuple[object, ...]:
    return (record.chain, record.seq, record.time, record.hash, record.detail, record.reason, repr(record))


def _warnings(own: Sequence[PublishedRecord]) -> Iterator[str]:
    numbers = sorted({each.seq for each in own})
    # List gaps, not numbers: a forged record can have any number.
    gaps = [(before + 1, after - 1) for before, after in pairwise([-1, *numbers]) if after - before > 1]
    if gaps:
        shown = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in gaps[:MOST_GAPS])
        more = f" and more in {len(gaps) - MOST_GAPS} other gaps" if len(gaps) > MOST_GAPS else ""
        yield f"Missing from the chain: record {shown}{more}. The report is incomplete."
    for number in numbers:
        claims = [each for each in own if each.seq == number]
        if len(claims) > 1:
            yield f"{len(claims)} different records have number {number}; all are listed. Run `jitney audit verify`."
    hashes: dict[int, set[str]] = {}
    for each in own:
        hashes.setdefault(each.seq, set()).add(each.hash)
    for each in own:
        before = {GENESIS_HASH} if each.seq == 0 else hashes.get(each.seq - 1)
        if before and each.prev not in before:
            yield f"Record {each.seq} does not match the hash of the record before it. Run `jitney audit verify`."
